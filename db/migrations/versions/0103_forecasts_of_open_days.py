"""forecasts_of_open_days."""

from alembic import op

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0103_forecasts_of_open_days.up.sql",
        sha256="f19e125b124980d7200c0617e394de7d2825e8be1fa45415822b1bf681c3b878",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0103_forecasts_of_open_days.down.sql",
        sha256="cf4b2e1725b02969412b754ce997ba660e0da6df782b2254cd8b0723ff11963a",
    )
