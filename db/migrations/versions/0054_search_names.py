"""search_names."""

from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0054_search_names.up.sql",
        sha256="0f8150417e2834d54982775e7536bdbb1edd2f2e83226503dcde596c49cfbc68",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0054_search_names.down.sql",
        sha256="bddbb61b3e46a0735882ea02725ca68fb71a29ead8a2891df08f71938ee8378c",
    )
