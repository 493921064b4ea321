"""search_share."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0012_search_share.up.sql",
        sha256="4fe92ad03eb9dac6988a850aebce20b613402aa956af0734a14345207160799f",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0012_search_share.down.sql",
        sha256="bb929f2fe725a6665391757573e2a66cff8c776c9ca919a8d489ed6b8a671216",
    )
