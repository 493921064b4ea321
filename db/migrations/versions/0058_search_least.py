"""search_least."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0058_search_least.up.sql",
        sha256="c63554f5bf6d8fd4d86a57933c0245d35c815bf3cef271a0ba4dd4cc6c70bf17",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0058_search_least.down.sql",
        sha256="d4a3fc7fec67012025527956e30eca0cf16ed6b5d29aad7c7a3a3ed3eabf9dce",
    )
