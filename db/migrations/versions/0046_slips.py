"""slips."""

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0046_slips.up.sql",
        sha256="3d24be95dd7370b17004fb916bca8e08d91b49f2bc544ac6015043871a935183",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0046_slips.down.sql",
        sha256="2c2f9288a9a58eaa8fa57f5ea8ff57f7ddc1e04d964e78a9b028c3837155510a",
    )
