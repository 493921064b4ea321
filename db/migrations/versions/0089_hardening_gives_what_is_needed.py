"""hardening_gives_what_is_needed."""

from alembic import op

revision = "0089"
down_revision = "0088"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0089_hardening_gives_what_is_needed.up.sql",
        sha256="6a546270ff205cc32abb16db4ece33decbbd7b5871451a9cef08726e62dd0fe3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0089_hardening_gives_what_is_needed.down.sql",
        sha256="ef95c592087c8128fef30496199e8f34017d30c19263213559451e38e6bbf45d",
    )
