"""administrators."""

from alembic import op

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0065_administrators.up.sql",
        sha256="9d54626e4723a5417f756a227059ec5fe49ea4ff12f1c88b652c228e52596953",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0065_administrators.down.sql",
        sha256="f5c05d890ccfb39368000c5bcc69e20bafb690ade249f5875a87894d66709533",
    )
