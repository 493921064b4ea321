"""quoted_paths_and_shared_ids."""

from alembic import op

revision = "0095"
down_revision = "0094"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0095_quoted_paths_and_shared_ids.up.sql",
        sha256="885fcedcab257ef236c7c759f41c8311d2575c6ac11724cb91a67fc6287ef11d",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0095_quoted_paths_and_shared_ids.down.sql",
        sha256="9ab73afec9a9ee01ac7565260d1f4b15172fbd02990b3481041043681e7984bd",
    )
