"""report_edges."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0033_report_edges.up.sql",
        sha256="9b6b5d5e05a8a10d71b5b62d6f9e25161aec52d51a7ccc879d40fea500b93f68",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0033_report_edges.down.sql",
        sha256="515e178f84f080d877a71cd591b9a0b1732e222f150476f96b2889c49ddd42f8",
    )
