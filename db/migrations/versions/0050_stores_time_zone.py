"""stores_time_zone."""

from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0050_stores_time_zone.up.sql",
        sha256="24833cb1aa751d7c5592203023cefb45946b25d429b9fbd4999fd4eaf94c8fa2",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0050_stores_time_zone.down.sql",
        sha256="364fec9350b42a85f7cd006dc52ba977139d074d5888a0d80fccaf11b0fa6d38",
    )
