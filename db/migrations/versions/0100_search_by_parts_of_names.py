"""search_by_parts_of_names."""

from alembic import op

revision = "0100"
down_revision = "0099"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0100_search_by_parts_of_names.up.sql",
        sha256="9541c518bc9ba7c059bd2c15de183f180c991bad3d2be3df31c59ebd5a6d5476",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0100_search_by_parts_of_names.down.sql",
        sha256="96e77463525337f2e553043f9b74608ddf7049ebfcfb9034d59e7f4f9b22998c",
    )
