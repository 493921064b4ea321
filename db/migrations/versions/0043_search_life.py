"""search_life."""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0043_search_life.up.sql",
        sha256="9d70e62be627e7f5c631c7441937a0fdf3d64c4a82fde823e929264f0d17eed1",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0043_search_life.down.sql",
        sha256="c10cbbf471a87555315fd5a21611dc37349373c79b95c9ba8057eede8bc32819",
    )
