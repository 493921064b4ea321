"""signs_of_typesetters."""

from alembic import op

revision = "0110"
down_revision = "0109"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0110_signs_of_typesetters.up.sql",
        sha256="1eb40f98ac30f4b86190f9b1b5e017f42769805eace2a11602c60d2cea5716a2",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0110_signs_of_typesetters.down.sql",
        sha256="2d5c09794f756d3851c0ea606d889bd72b6e0bcf71209bf407c9460244294a6d",
    )
