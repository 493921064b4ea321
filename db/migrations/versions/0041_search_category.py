"""search_category."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0041_search_category.up.sql",
        sha256="1c42c4abd168e40c31529f971bbfca7ff2a33da102a2016746aba64e8208a318",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0041_search_category.down.sql",
        sha256="24b6259fe263817d57afc111f9247cb727434adf15e4805386ed12404ed7b708",
    )
