"""dead_stock_was_there."""

from alembic import op

revision = "0104"
down_revision = "0103"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0104_dead_stock_was_there.up.sql",
        sha256="2be0fd31db346ed92bb9444bc4c53478f385416a8ba25371a00bfab883b08d17",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0104_dead_stock_was_there.down.sql",
        sha256="ccd8d9e352a64b5873a54de4a37fa0bba38758917f71e32fa5cf4527a129e0d5",
    )
