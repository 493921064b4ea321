"""fences_of_lists_of_one."""

from alembic import op

revision = "0098"
down_revision = "0097"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0098_fences_of_lists_of_one.up.sql",
        sha256="3d3c2c9a3f05f1529e445951d1fc28ce35f78aab905fbe4e88d34b203465ebbc",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0098_fences_of_lists_of_one.down.sql",
        sha256="98afef3cee62556bb00b58388d74a376efbb73b93ab569a04268d818a36a6f69",
    )
