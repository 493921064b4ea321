"""shorter_search_comments."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0015_shorter_search_comments.up.sql",
        sha256="1bcfea73be1be75f5531a11dfdbfec7fd8bf2fd7a378cd79bedabd9d07298a55",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0015_shorter_search_comments.down.sql",
        sha256="42a8ee95cadba2d9f4721578f6f53659e6933e1f9373db4badf22482c950de17",
    )
