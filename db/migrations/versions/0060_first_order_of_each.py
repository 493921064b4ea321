"""first_order_of_each."""

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0060_first_order_of_each.up.sql",
        sha256="58663b88b968b6e2e3ffca2ad6a9c9df7b382c84476b87da272dc6b12d5dfd0e",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0060_first_order_of_each.down.sql",
        sha256="66de6835885f9e7a73a7874526b117c2f7f8b114564d1456b08b14d0612e161e",
    )
