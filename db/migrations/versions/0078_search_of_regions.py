"""search_of_regions."""

from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0078_search_of_regions.up.sql",
        sha256="e42af072286d705e03785281190630bafd65b570e7e6c652492ae6eebb09d384",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0078_search_of_regions.down.sql",
        sha256="e84c88cb745f58225b638b33c9edf4c5dbc4c18305cdc09d2a841f4b9895f9b4",
    )
