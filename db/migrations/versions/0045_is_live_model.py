"""is_live_model."""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0045_is_live_model.up.sql",
        sha256="e0489577c6b01a45c6ec2746e20ddfb4c8c4ef98e75f27209c259be0bcb0eb19",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0045_is_live_model.down.sql",
        sha256="22dcca5382e318201e4019285f9b585781482731240ec1003de4d64c3036a0f3",
    )
