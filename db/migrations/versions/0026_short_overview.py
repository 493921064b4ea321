"""short_overview."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0026_short_overview.up.sql",
        sha256="34ccc5ff394af5787247325c1a1def52541402af39f7f5e082ff593c067e2f6c",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0026_short_overview.down.sql",
        sha256="b9f862b1235eec888f144a61c77bd453ad3e69aa1846ccc343b6401c6094a744",
    )
