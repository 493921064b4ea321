"""reports_read_their_stores_once."""

from alembic import op

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0086_reports_read_their_stores_once.up.sql",
        sha256="07ef983c0a84dcb4ab02d0b0ab3b7f0d3476a76b76d0e1b98b38d334df080524",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0086_reports_read_their_stores_once.down.sql",
        sha256="7d1de64cfbe960f400620e164e8b12a4de53aaff09e69ccc48df7fbca38a654c",
    )
