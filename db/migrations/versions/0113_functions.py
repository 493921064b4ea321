"""functions."""

from alembic import op

revision = "0113"
down_revision = "0112"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0113_functions.up.sql",
        sha256="28064fc676ac6bc10b156d629703133abe59df428648cad93eaf6ad74f88cefe",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0113_functions.down.sql",
        sha256="015bec838710b7e8217a92e16fa6dcf2e9bde05d7bb915fe4d34d1f68d3bd314",
    )
