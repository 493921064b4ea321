"""report_fewer_checks."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0029_report_fewer_checks.up.sql",
        sha256="e7e9b3919399ab7090a2f6c1c48162188620ce1e0b36d5e036910c21aaec8df2",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0029_report_fewer_checks.down.sql",
        sha256="66e063e39d0f526cbd1c87d3e0db834d3f69c735e3eb6f65fc87a9bce619b78e",
    )
