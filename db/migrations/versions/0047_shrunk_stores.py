"""shrunk_stores."""

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0047_shrunk_stores.up.sql",
        sha256="94f541098693c7955200eb955abdba36bedd4a0ce8934866a8dcac64e251ff98",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0047_shrunk_stores.down.sql",
        sha256="8f58fd106622f56d35fd1a425f284d4700553f52601b319671f5fe36f778bf88",
    )
