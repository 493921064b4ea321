"""store_keys_tell_nothing."""

from alembic import op

revision = "0087"
down_revision = "0086"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0087_store_keys_tell_nothing.up.sql",
        sha256="b0e958c33223a2918ba9dbddd3e44a2b6b5ec9dbbde8ef5871d72ef82733bfc7",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0087_store_keys_tell_nothing.down.sql",
        sha256="e10d7f196758973476c6480304b1f7cf03c3bc14bc99e6f18b4fc9faba33ccc1",
    )
