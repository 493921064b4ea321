"""search_share."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0012_search_share.up.sql",
        sha256="ccdfde77d3edd87600e372b4e40db123536a4791cc5e49624e2e05179a20df43",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0012_search_share.down.sql",
        sha256="3231b5ce3f9afc95dcc4d8b81f4225d5672ff227dd3170ec1e42e8af13585393",
    )
