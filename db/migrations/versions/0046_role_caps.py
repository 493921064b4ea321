"""role_caps."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0046_role_caps.up.sql",
        sha256="e40af73053165bceb58094726815c9528bee89f4a1231d630148e0fd1f92cc8a",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0046_role_caps.down.sql",
        sha256="3e53ec54ad2ca8d9a58c02e8c91d407d4f632870a5e5fa0de4a724eefae64981",
    )
