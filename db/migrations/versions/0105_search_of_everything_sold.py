"""search_of_everything_sold."""

from alembic import op

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0105_search_of_everything_sold.up.sql",
        sha256="f78c9e650bc40d916380d7d9401346367cf1bde1222f66dfcd5920b629dbd85e",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0105_search_of_everything_sold.down.sql",
        sha256="9cee99f492bad0d51c2c620520fb6e84fd5126b8e4fd562a3a1cd55893a05289",
    )
