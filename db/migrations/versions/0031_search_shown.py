"""search_shown."""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0031_search_shown.up.sql",
        sha256="2173fd934d835cd8bc195f7f940cbeecb6bb45957a05501b6557cbb85a3e7da3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0031_search_shown.down.sql",
        sha256="fe616a6d82511df4617626890b2722b2ae1acc2390b1d638a67d2c5c10586d21",
    )
