"""search_effort."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0027_search_effort.up.sql",
        sha256="e276c7944d385f5073bdbe36e08b745810761682a4c9ce77dd6e77b89beef448",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0027_search_effort.down.sql",
        sha256="b5c6534069ce6a3331729164a496d4f011de9839483151b7072862f9df4b9263",
    )
