"""search_of_regions."""

from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0078_search_of_regions.up.sql",
        sha256="e5d0c4aed2d18a44eaad1e73b60e5fe09c8bb6ce61373b430d326e1bd1220118",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0078_search_of_regions.down.sql",
        sha256="e84c88cb745f58225b638b33c9edf4c5dbc4c18305cdc09d2a841f4b9895f9b4",
    )
