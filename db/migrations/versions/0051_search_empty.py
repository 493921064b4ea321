"""search_empty."""

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0051_search_empty.up.sql",
        sha256="49aaf24ab5ede8efe1c98c319cbbe60cfb0a7108e99285bcf33cadd67435ef3a",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0051_search_empty.down.sql",
        sha256="14360e2c53341f13416a4fe238577127c8fe6fb23103185e05da7d4a833aab9d",
    )
