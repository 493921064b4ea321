"""search_store_effort."""

from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0052_search_store_effort.up.sql",
        sha256="3d70994d717409432416af4d8b0dc3649b5381597f6533a3ed33fddc21c82928",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0052_search_store_effort.down.sql",
        sha256="0025ed7bfeafb6b059830feae1de7f46b118e58245a3765bf83065cdd83889f1",
    )
