"""recall_of_exact_distances."""

from alembic import op

revision = "0093"
down_revision = "0092"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0093_recall_of_exact_distances.up.sql",
        sha256="2af37adc3461658fc7aa13ddbc69774cd323d6ad15f4ab6f1b3a8b52e0cf1641",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0093_recall_of_exact_distances.down.sql",
        sha256="20ab872d859a6aec0f3987b5b3262f3ac12a9b544f51805d41778a25044bd06c",
    )
