"""season_speed."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0037_season_speed.up.sql",
        sha256="f9c5c5817e2ebdc30e8ac2a505e00e97b2b46c1ee830eeac612f3879e012fa11",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0037_season_speed.down.sql",
        sha256="fc4ce9be4fb5ef8251e162007e7116d1c40dd75702883c3a0bdcfd8413e0234a",
    )
