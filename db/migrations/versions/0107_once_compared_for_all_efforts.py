"""once_compared_for_all_efforts."""

from alembic import op

revision = "0107"
down_revision = "0106"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0107_once_compared_for_all_efforts.up.sql",
        sha256="19f6f94b11a23054ee8d628984ae93b7e2c298e42e46bdc1d062b3e8777459a8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0107_once_compared_for_all_efforts.down.sql",
        sha256="8143e6c9b4ef772e10cd5f1737e73a9ac94c318007a2544d4f76dc0068cdddf2",
    )
