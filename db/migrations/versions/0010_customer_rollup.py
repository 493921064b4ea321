"""customer_rollup."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0010_customer_rollup.up.sql",
        sha256="3069fa1be41eacd4d3521c7548178c068a95eddd7d7029deff9212cd6daddf8c",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0010_customer_rollup.down.sql",
        sha256="3090bc2510e79bbb38067cd8969b16944b7bc3e833b14a8ccc622afcba0b5815",
    )
