"""search_lookups."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0024_search_lookups.up.sql",
        sha256="5faeb08255261f3943229943a24a0af27e10645d72a66d01f052917a191d5157",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0024_search_lookups.down.sql",
        sha256="99779a2126f34c0d7075050be1311e25601756946adf579bccc97b87998e949f",
    )
