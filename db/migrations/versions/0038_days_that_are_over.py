"""days_that_are_over."""

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0038_days_that_are_over.up.sql",
        sha256="bd60f41ada9288a5e2c8ee20a0a1e4c6520c46e12eb6b1e1ccfb14ea8716b51c",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0038_days_that_are_over.down.sql",
        sha256="e5abf90ff44ea66928a449b5f2dce604340e1f39433cd9d731d5960ef4b485b8",
    )
