"""fences_of_lists_of_one."""

from alembic import op

revision = "0098"
down_revision = "0097"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0098_fences_of_lists_of_one.up.sql",
        sha256="0ad8a13b90d75728e3ce55de1b6b5aac9b2a24455cb456367050c9df2ffd2114",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0098_fences_of_lists_of_one.down.sql",
        sha256="98afef3cee62556bb00b58388d74a376efbb73b93ab569a04268d818a36a6f69",
    )
