"""first_orders."""

from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0053_first_orders.up.sql",
        sha256="bd1d2799fc1cff67f345be94d8e0bb5f5e473094a2670eb0958b598ebdc57d21",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0053_first_orders.down.sql",
        sha256="3897acaab60b9d1789de06cc5e564a001746fd45159465ad7d3318ee52941cae",
    )
