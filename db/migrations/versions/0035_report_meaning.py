"""report_meaning."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0035_report_meaning.up.sql",
        sha256="1a9fa27b5b87b5108470dd17a4addce717da0925d3bf71e7fc56b8a23a3a0d56",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0035_report_meaning.down.sql",
        sha256="8d65a5eca83eb36e22fb7e161bd048dfe13b1c9c549232bc9d8597c662fd41fc",
    )
