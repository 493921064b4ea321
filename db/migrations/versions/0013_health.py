"""health."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0013_health.up.sql",
        sha256="226411c27f51e1a62e03889a4221bf2d4689eb8327ce80604c53ef0c1aadc408",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0013_health.down.sql",
        sha256="ce31096ed433c531536aee7eabbf78953d3be39e59e9c9eba6a227f440b2a83a",
    )
