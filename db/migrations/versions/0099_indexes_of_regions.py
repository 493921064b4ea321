"""indexes_of_regions."""

from alembic import op

revision = "0099"
down_revision = "0098"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0099_indexes_of_regions.up.sql",
        sha256="ba25fd02fb3f107300bca505d7fd1ed0afafe12ac6a6a2d3cf061ec82173167f",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0099_indexes_of_regions.down.sql",
        sha256="3215ebbd4dab7f291af8fc74058f321b192675f24d70926c9f0c6db8f001e981",
    )
