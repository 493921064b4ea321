"""disabled_principals_are_told."""

from alembic import op

revision = "0111"
down_revision = "0110"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0111_disabled_principals_are_told.up.sql",
        sha256="a5625899df64ad3995a1f75bc5086b4c041fd246e4d3840ea01b979b0b4d8a62",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0111_disabled_principals_are_told.down.sql",
        sha256="0ff7e59abf816353dd3ead358ffcfe87a304750a3d43ac1ae4cb27e05c8d99d2",
    )
