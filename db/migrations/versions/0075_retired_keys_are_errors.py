"""retired_keys_are_errors."""

from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0075_retired_keys_are_errors.up.sql",
        sha256="fc712471e09411a80e37d3115b2f64a63c7b16cf3e08a9f17804e4ca776757b0",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0075_retired_keys_are_errors.down.sql",
        sha256="00505a529f66f2d61ad76ebd594e6e8122eece04ce5f8a3f2c82854b773ef682",
    )
