"""store_keys_tell_nothing."""

from alembic import op

revision = "0087"
down_revision = "0086"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0087_store_keys_tell_nothing.up.sql",
        sha256="3035bd41b9a7357d7b5dd706b7b1e1fc2494d29e783477801abeb1072d8c7d7f",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0087_store_keys_tell_nothing.down.sql",
        sha256="e10d7f196758973476c6480304b1f7cf03c3bc14bc99e6f18b4fc9faba33ccc1",
    )
