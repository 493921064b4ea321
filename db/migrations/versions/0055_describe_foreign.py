"""describe_foreign."""

from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0055_describe_foreign.up.sql",
        sha256="2a9fa927dd1705a39de6155c2856ff82fde20014c94e8af2fe7670d560206e7e",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0055_describe_foreign.down.sql",
        sha256="ef86bcab86a71d689f654ce4a40ce08bbdf0144852a9c9d81484ef4a4f743930",
    )
