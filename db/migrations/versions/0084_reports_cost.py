"""reports_cost."""

from alembic import op

revision = "0084"
down_revision = "0083"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0084_reports_cost.up.sql",
        sha256="e5bd17926ef6fad04c4d7eee04a51a8a13564d1872f6a76854e1280d8950c076",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0084_reports_cost.down.sql",
        sha256="72f87912724bffe76e4b757c411385e6077cb2326a8c100724c288401ed20e8d",
    )
