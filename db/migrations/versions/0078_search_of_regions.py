"""search_of_regions."""

from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0078_search_of_regions.up.sql",
        sha256="a35a78da8c09ced0bcf0220b87e72f210588e6a71ffa59877d4eaa82d3c0817a",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0078_search_of_regions.down.sql",
        sha256="e84c88cb745f58225b638b33c9edf4c5dbc4c18305cdc09d2a841f4b9895f9b4",
    )
