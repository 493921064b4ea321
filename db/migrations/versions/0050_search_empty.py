"""search_empty."""

from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0050_search_empty.up.sql",
        sha256="f6d7c04941d2157ca8a018ae798fedd6f57a574a863701c65ed44b1897a8f7b7",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0050_search_empty.down.sql",
        sha256="f5932d07a9bf80d7d313857b4b709dfc6f8ab36fd538710e188e544d9c0e7fa0",
    )
