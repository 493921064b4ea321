"""reports_read_their_stores_once."""

from alembic import op

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0086_reports_read_their_stores_once.up.sql",
        sha256="b3cd854b585556550098778800b8aabb5ef91cc4910f326a10889b663fff1bcb",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0086_reports_read_their_stores_once.down.sql",
        sha256="7d1de64cfbe960f400620e164e8b12a4de53aaff09e69ccc48df7fbca38a654c",
    )
