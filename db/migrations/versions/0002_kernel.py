"""kernel."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0002_kernel.up.sql",
        sha256="7ba4759af8fabeb1d79e35169f203b256bc1092eaf815963ba9662e3abac5585",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0002_kernel.down.sql",
        sha256="506f1f15ba24202e43261e199a2fbb364c763325dc878e1d575b40fdf6cf07a5",
    )
