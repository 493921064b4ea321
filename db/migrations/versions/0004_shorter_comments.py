"""shorter_comments."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0004_shorter_comments.up.sql",
        sha256="a2980748c0a9f82a2fdd53f8b0e34b4591037f5b0b46d5ff8e6353b4f5e0eebb",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0004_shorter_comments.down.sql",
        sha256="a9c7ed5f839221fe9dcf366978c984e3ba20f86178144770b20e978a72c8094c",
    )
