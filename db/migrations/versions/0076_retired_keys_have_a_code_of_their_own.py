"""retired_keys_have_a_code_of_their_own."""

from alembic import op

revision = "0076"
down_revision = "0075"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0076_retired_keys_have_a_code_of_their_own.up.sql",
        sha256="29f3c2604b90f5d208377b5999f52aed614e6aa2d85470eb6aee466843b82cc0",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0076_retired_keys_have_a_code_of_their_own.down.sql",
        sha256="e06add61210f3f925c4efd61a10ec0d247d9da6d051a6788e47124c1cad05e0a",
    )
