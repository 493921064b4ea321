"""search_filters."""

from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0040_search_filters.up.sql",
        sha256="fe99d4bb4dbfd69067e1f2daf96d2914190b4c87148781df5368a093f0e131ab",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0040_search_filters.down.sql",
        sha256="f96f1f56163352da582193673b90e69c04ca4f44e6e09415eacab7c8f92c5000",
    )
