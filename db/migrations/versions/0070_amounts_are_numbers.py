"""amounts_are_numbers."""

from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0070_amounts_are_numbers.up.sql",
        sha256="c0c3ef1f33f259bd0fcdfaa825aafd68d34010f261dc64f46e80ccf676c7cb00",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0070_amounts_are_numbers.down.sql",
        sha256="a44bf0923f6e2e9e499aebda4d60c548dfd60da01316c527ea5f7d634ecdd0b0",
    )
