"""schema."""

from alembic import op

revision = "0112"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0112_schema.up.sql",
        sha256="7b6b8e46f6ba626e58ec0134f3ba05eca121876c0442649c04a3c3e64e5f6282",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0112_schema.down.sql",
        sha256="bde393efaaa66a75852329eb48361ad202fac44b799fa00238967d8c7ae0b491",
    )
