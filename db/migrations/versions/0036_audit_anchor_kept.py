"""audit_anchor_kept."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0036_audit_anchor_kept.up.sql",
        sha256="e45042d83d124253eeb249bfcbf7891a57abf99f89aeaf7622c25c38b0a7c665",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0036_audit_anchor_kept.down.sql",
        sha256="ea2b6f2e18408f6265fe1adf9710831cde541fcef5c601aeec628150249a7a98",
    )
