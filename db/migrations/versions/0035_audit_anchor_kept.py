"""audit_anchor_kept."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0035_audit_anchor_kept.up.sql",
        sha256="e57b852ff6b270710ee9ebe5611ca1a336fa920b9220646ed6683043c6f5d02b",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0035_audit_anchor_kept.down.sql",
        sha256="0e9226061ef9bc49ceec59108e792e0f8a9c371b3d11098a25ad9f4113b5302f",
    )
