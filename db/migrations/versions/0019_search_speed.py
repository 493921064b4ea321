"""search_speed."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0019_search_speed.up.sql",
        sha256="03ab200b6512c39c51c2f0d00b4f9547f4babc8d6de5fc0fcd23636cb2431b11",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0019_search_speed.down.sql",
        sha256="896dfad42a2b1c0bd538236eabcc0d3929da3de29f84082cadf3ea41ff2e0691",
    )
