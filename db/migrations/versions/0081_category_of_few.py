"""category_of_few."""

from alembic import op

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0081_category_of_few.up.sql",
        sha256="6300704ec5daae0102d9157338113c4381d8f0da5e76df5124f82620c0acec79",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0081_category_of_few.down.sql",
        sha256="c0f8e3e04462b81e2dcc7692b55f71070092849b8e224337fe70144e65f047ad",
    )
