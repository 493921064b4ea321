"""search_article_numbers."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0034_search_article_numbers.up.sql",
        sha256="e41e2cf66fe570a8c5f07354caa1dc539dcd0777eedfe8cb87e5d2e1e292281d",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0034_search_article_numbers.down.sql",
        sha256="a48c655d68b93f7a9539d02c949bde85aa5fa251156bf7a0ad6a2864c641e097",
    )
