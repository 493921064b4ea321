"""reorder_gone_stock."""

from alembic import op

revision = "0114"
down_revision = "0113"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0114_reorder_gone_stock.up.sql",
        sha256="0b3e19bbfacbd0d36a71b2f835d374459114ba7243850ae88207530592a0c696",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0114_reorder_gone_stock.down.sql",
        sha256="224fc27664b55a189409c8d54040c4bbdd4c47d0dcf382f64b4c443cec798731",
    )
