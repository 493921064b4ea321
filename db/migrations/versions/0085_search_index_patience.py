"""search_index_patience."""

from alembic import op

revision = "0085"
down_revision = "0084"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0085_search_index_patience.up.sql",
        sha256="b35345b1668e6ec1b67e665f3d054022bd82c1c991ed93023397d945c072ce02",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0085_search_index_patience.down.sql",
        sha256="3040eae144ad505e0df27436093a8b8d2261d01bcabbd11b84550c39efd20c61",
    )
