"""contexts_of_the_past_are_errors."""

from alembic import op

revision = "0080"
down_revision = "0079"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0080_contexts_of_the_past_are_errors.up.sql",
        sha256="fbd5906b894f3977d3dc6bcb2c926005e0679d566367e44aa238bfa8b6a6c511",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0080_contexts_of_the_past_are_errors.down.sql",
        sha256="12500141bded02071da3ec5391c8fed3e1a41ebe184fcee37def80d734475c3d",
    )
