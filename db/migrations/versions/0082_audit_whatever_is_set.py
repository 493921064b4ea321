"""audit_whatever_is_set."""

from alembic import op

revision = "0082"
down_revision = "0081"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0082_audit_whatever_is_set.up.sql",
        sha256="cfe3041150483946a36ce33d708995588bc7bcddeaa1284293db3efdd8234d51",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0082_audit_whatever_is_set.down.sql",
        sha256="92f8f4c44f0abdbe28c0bd7ac2cf10b6b3b5a66b5b4adedee6a5e89c64ca284d",
    )
