"""runner."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0009_runner.up.sql",
        sha256="eb5f62e3e2fc05f25925d23e4da32fdcda2900785e0a9323851a4d09d8716a46",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0009_runner.down.sql",
        sha256="04f3ffbf1f7bc3f614f6cb4280976f9b38567e40f3688f7e289a269a43b42b36",
    )
