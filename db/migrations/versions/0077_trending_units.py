"""trending_units."""

from alembic import op

revision = "0077"
down_revision = "0076"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0077_trending_units.up.sql",
        sha256="f6215f05bf8e60549d535b6d1ab59aaab7e6a3add46cbdb3f8a0b0ebafa37cde",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0077_trending_units.down.sql",
        sha256="44cf1f7a8a551f6e3207c7c07130e68f2007a54b8c6d8bb66087fa591b8c0eae",
    )
