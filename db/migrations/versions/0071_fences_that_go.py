"""fences_that_go."""

from alembic import op

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0071_fences_that_go.up.sql",
        sha256="1d99832dfcc8856dad7e23f388d7bd1b622d42e44b7a084e771569be532eeeec",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0071_fences_that_go.down.sql",
        sha256="38de239ae0a32f14802923eebeefc45f7416ed20610d07c4de7e67e45c7f8601",
    )
