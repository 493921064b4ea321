"""stock_outs."""

from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0049_stock_outs.up.sql",
        sha256="cf412bf99abd0e16de19fd92f7f87a8bdcee0dcd9a9b592d51a64ed085c8b9c3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0049_stock_outs.down.sql",
        sha256="013c7aea07f486bd6d2f1d720fd47fa4023efb887618034de79749c7f16ca35d",
    )
