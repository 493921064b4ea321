"""categories_by_case."""

from alembic import op

revision = "0092"
down_revision = "0091"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0092_categories_by_case.up.sql",
        sha256="c5d3a005da05b981f7be07d90c902596b57ea5bad4dcd6b6d9a09c0c80d67900",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0092_categories_by_case.down.sql",
        sha256="620927c05b6eed1e41772afa175ddb1e701513ad9c8fbef92d4c99cf488b60b6",
    )
