"""rollup_store_by_store."""

from alembic import op

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0072_rollup_store_by_store.up.sql",
        sha256="82547b784742b54058b7a23314696e31db04b72a6bfd2d5407a60534a4350d63",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0072_rollup_store_by_store.down.sql",
        sha256="4461fa58a68c0215cc2cace04da8bb5d3a25e125ab0ac0a013d56292a16c4078",
    )
