"""days_without_a_last_hour."""

from alembic import op

revision = "0090"
down_revision = "0089"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0090_days_without_a_last_hour.up.sql",
        sha256="37d5a1432f8fefde9cdebd47b336652c12e85137e2dcf99a626e9fbb8ed27e92",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0090_days_without_a_last_hour.down.sql",
        sha256="88f99adb5159df71878c7d756d6a99cc1ab38353316945b972035fe32fb49c39",
    )
