"""audit_locks."""

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0044_audit_locks.up.sql",
        sha256="02e4abc7099166e2102ad4dc5e65564efa82895292e1952588e918f3c1133a82",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0044_audit_locks.down.sql",
        sha256="d31030020e02f57b73bf312c4bf134b6bf234dc14e9c91e89447d10016978ed4",
    )
