"""kernel."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0002_kernel.up.sql",
        sha256="6866c670dd9424d9cf487e7be231a7ce2989a1407cd4e989517734d86c4a22a8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0002_kernel.down.sql",
        sha256="506f1f15ba24202e43261e199a2fbb364c763325dc878e1d575b40fdf6cf07a5",
    )
