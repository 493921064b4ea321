"""schema."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0001_schema.up.sql",
        sha256="0b98c9625f3bd24cab45f4dc603cb17a95454cc723c5d49c1be8a6c11e5a09b8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0001_schema.down.sql",
        sha256="19669dac92c9c72e78d93013b9c68f717d1f1231055fa264edc6557b534ac016",
    )
