"""search_recall_of_distances."""

from alembic import op

revision = "0064"
down_revision = "0063"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0064_search_recall_of_distances.up.sql",
        sha256="eb97cf9ac2e6ff9722949b60b5b66d76b5865fa0225fb519da6274a9431e93cc",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0064_search_recall_of_distances.down.sql",
        sha256="f9b8caa58f0a2e0891ddea905475206522483163b55ebd34e4ec2e1cf4296727",
    )
