"""report_speed."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0020_report_speed.up.sql",
        sha256="f2a0316414dce7d2a0b5743c8e4c892f692703aa24605ace1619afe6f97979d8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0020_report_speed.down.sql",
        sha256="91e762a3283c74bb70b6852d55475956ff0a2a5bc95a2a839192095e1862773b",
    )
