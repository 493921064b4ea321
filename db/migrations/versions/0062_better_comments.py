"""better_comments."""

from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0062_better_comments.up.sql",
        sha256="972aae4c058717909acd8b3a888569ca8950c246a56ba8e1a4ab08679cecfa13",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0062_better_comments.down.sql",
        sha256="f5fa56cbdfcd21694ec65de31426506543edd13d82435b7f71e884d3e2c1e7a2",
    )
