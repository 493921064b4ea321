"""search_threshold_comment."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0032_search_threshold_comment.up.sql",
        sha256="27436a8d1e229e26d8921ed78a7d1ec32b4ed0e1c898027ab78502944f5cadc0",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0032_search_threshold_comment.down.sql",
        sha256="9800aec8c14488b80cba6c140d5ef4ac4b4630649794f955fc03beabaa6ee81f",
    )
