"""search_of_words_only."""

from alembic import op

revision = "0094"
down_revision = "0093"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0094_search_of_words_only.up.sql",
        sha256="0c5a2a98eed9dad343c1494ed7a53eafa7b221ffc8f0e1a47e740f297ab7e2e7",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0094_search_of_words_only.down.sql",
        sha256="0c9ebb44782ba6ee9f7e3907edcac9a63684267ea104e357ad715642d35e0283",
    )
