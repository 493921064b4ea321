"""report_plans."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0023_report_plans.up.sql",
        sha256="3aaa8e9089ac9185d7e79611f4bbebff647165cbb78a78d0066791edd21aa5b2",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0023_report_plans.down.sql",
        sha256="7ded1b2d82f9d97dbec6a8cf0302c091628a128c91a9c6febbba1b5adb114fea",
    )
