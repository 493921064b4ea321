"""search_crowded."""

from alembic import op

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0056_search_crowded.up.sql",
        sha256="ef71a0766308f52906999dfc20352fdbd6c62471d31f94160160624dc9489dc9",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0056_search_crowded.down.sql",
        sha256="975a5d2a85dee519ccf768bb039c890fbe275801463ff6de26a87093df3f430d",
    )
