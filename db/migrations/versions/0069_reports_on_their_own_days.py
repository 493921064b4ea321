"""reports_on_their_own_days."""

from alembic import op

revision = "0069"
down_revision = "0068"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0069_reports_on_their_own_days.up.sql",
        sha256="c9c484066e2f61accb5ab5c949aa12373083c12dfdf6c595249ca5743634115a",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0069_reports_on_their_own_days.down.sql",
        sha256="548514bb331a69e05c5fc76752c6582da67748485cea4dd3d9056b5025abb726",
    )
