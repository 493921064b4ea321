"""search_limit."""

from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0057_search_limit.up.sql",
        sha256="e6107566e61a07f0b27e910f6e613938ae2405ebd45356349513632f9946b755",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0057_search_limit.down.sql",
        sha256="61c2f61117519f99a293d76e340e885451fdac3c5c78bb9090a8e5613fe6b19a",
    )
