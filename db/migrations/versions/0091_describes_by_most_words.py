"""describes_by_most_words."""

from alembic import op

revision = "0091"
down_revision = "0090"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0091_describes_by_most_words.up.sql",
        sha256="7251d73355f2ad68bf3cb213cef4c3706f0a502cb871a6ac975567d7b9b6663e",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0091_describes_by_most_words.down.sql",
        sha256="a202b9187cdbc45b41e7755124e67c8fbe4ccc5f5fccef02ef2c24cd6429b3ab",
    )
