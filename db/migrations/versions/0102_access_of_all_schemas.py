"""access_of_all_schemas."""

from alembic import op

revision = "0102"
down_revision = "0101"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0102_access_of_all_schemas.up.sql",
        sha256="72209f9f8f403753ba0a4077f6c891137b5fe7aa920cdb31f2ce87813410ce23",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0102_access_of_all_schemas.down.sql",
        sha256="966129335ddc40a6b4574c341e7319c44b0f384da9a62c94ba9f6ec5bd7705fd",
    )
