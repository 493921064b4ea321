"""search_takes_less."""

from alembic import op

revision = "0109"
down_revision = "0108"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0109_search_takes_less.up.sql",
        sha256="d83550f7449779508b7fef4f5ddeda55e617172731c92ac19d2175bbbd8882da",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0109_search_takes_less.down.sql",
        sha256="cfbff14e86e8afc87d0c7c5b59d7af8e157046749dc118b0054b08101ee80443",
    )
