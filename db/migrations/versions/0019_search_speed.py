"""search_speed."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0019_search_speed.up.sql",
        sha256="b1da575ff8e2721b4ff2439a9c983913073424b976dcf960c7e57f0f0973853d",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0019_search_speed.down.sql",
        sha256="896dfad42a2b1c0bd538236eabcc0d3929da3de29f84082cadf3ea41ff2e0691",
    )
