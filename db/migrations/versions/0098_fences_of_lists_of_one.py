"""fences_of_lists_of_one."""

from alembic import op

revision = "0098"
down_revision = "0097"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0098_fences_of_lists_of_one.up.sql",
        sha256="865b1b45e715ea733a61f5b7b01fb3a93cf034709231deba9586ad8641ee198d",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0098_fences_of_lists_of_one.down.sql",
        sha256="98afef3cee62556bb00b58388d74a376efbb73b93ab569a04268d818a36a6f69",
    )
