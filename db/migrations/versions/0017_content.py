"""content."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0017_content.up.sql",
        sha256="f3462c73fdf86df23cef1a5f55c83ac6a0685eaea256238b79ac8d719bbca6a3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0017_content.down.sql",
        sha256="a4e35883cd3aed21367197d6eadc0d8f12f5c35987809304ef4ef0107979860d",
    )
