"""search_of_regions."""

from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0078_search_of_regions.up.sql",
        sha256="cfb71fdf1c57e4f6f752c57ee592e4fd28fc38d2aec0f4fd13ae7ab43f319fb7",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0078_search_of_regions.down.sql",
        sha256="e84c88cb745f58225b638b33c9edf4c5dbc4c18305cdc09d2a841f4b9895f9b4",
    )
