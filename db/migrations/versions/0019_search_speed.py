"""search_speed."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0019_search_speed.up.sql",
        sha256="fc078f0299c44f5e511b6259ebc272eddc5c1df4c3c84f78c8a587e8e80d31a1",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0019_search_speed.down.sql",
        sha256="896dfad42a2b1c0bd538236eabcc0d3929da3de29f84082cadf3ea41ff2e0691",
    )
