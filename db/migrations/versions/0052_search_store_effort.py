"""search_store_effort."""

from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0052_search_store_effort.up.sql",
        sha256="34f1e4e27d2b0ec0351ba766683d522233ff9b4825f6f9d59bb80bfabea7a8b3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0052_search_store_effort.down.sql",
        sha256="33e6c59a27661cf4fb06dfe77bf8689b3d9df21ac7d35490e473c24b4a281d53",
    )
