"""search_bits."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0021_search_bits.up.sql",
        sha256="eb10ee2f2da7d1ea282f9a936283b20b1a8cb478fc553f44c0bedf9944738a99",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0021_search_bits.down.sql",
        sha256="fe8f926fdc829e34e8d94b71e1aa14955c75e3cd109d8e96a67503e1306946ed",
    )
