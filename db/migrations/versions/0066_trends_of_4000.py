"""trends_of_4000."""

from alembic import op

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0066_trends_of_4000.up.sql",
        sha256="586f5f817d888342b708ae6583cc744f4a31871cad0cafeb6b41b929f025b00f",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0066_trends_of_4000.down.sql",
        sha256="17749b0b5375fd83b00ea71254e015c73dd5f9d4b58cfcbd169091d6cfe81f1d",
    )
