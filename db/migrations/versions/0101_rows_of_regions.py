"""rows_of_regions."""

from alembic import op

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0101_rows_of_regions.up.sql",
        sha256="a3e26ab862684b6822cce6fc617a62eec10f11092171bea12257903a20547af6",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0101_rows_of_regions.down.sql",
        sha256="ce82e877cb97a3d6bd971638e3d7d72c9f19e9cb35bdf28fb1836bf45429acfc",
    )
