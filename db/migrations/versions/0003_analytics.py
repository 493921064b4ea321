"""analytics."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0003_analytics.up.sql",
        sha256="29563c4275b532cbbabdd985ce8d9a13a471ccad39d4b750bf829670fd1f3aa6",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0003_analytics.down.sql",
        sha256="84620b3f1cd75d3547d04969ddbc05d10649a42b5e5f128c082d94bf7782af28",
    )
