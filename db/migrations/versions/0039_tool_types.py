"""tool_types."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0039_tool_types.up.sql",
        sha256="06007495b8212e33b0e95efd4c6da11156a8c6dafc74213137f6f2efadb31ad2",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0039_tool_types.down.sql",
        sha256="069fa515724ca6520b45f9d48017937a51ce79368cf3ba88cdaa12668e4e02eb",
    )
