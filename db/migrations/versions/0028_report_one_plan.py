"""report_one_plan."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0028_report_one_plan.up.sql",
        sha256="5ff75a601170fb92799a317b218a1085d08f39ab1c3e5119e95a195453d386d6",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0028_report_one_plan.down.sql",
        sha256="e4fe4c019d3fd42ae86eeec1a317d3349338b0305ec5b1828349c71d936a648c",
    )
