"""search_assortment_graphs."""

from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0061_search_assortment_graphs.up.sql",
        sha256="a1640cde424411d52a3f8d62d5b213d02bdf2f170f4984e79b7d3d9ef5952613",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0061_search_assortment_graphs.down.sql",
        sha256="8a4d4c198247efd3c1391e16e6b7ae737f7cf114693a0b2f0ee9363b9001a4c2",
    )
