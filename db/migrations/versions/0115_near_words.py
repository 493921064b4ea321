"""near_words."""

from alembic import op

revision = "0115"
down_revision = "0114"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0115_near_words.up.sql",
        sha256="71f49b1383973f51eabd0a38937921757202e021e5663570c7e5cc1b13baad41",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0115_near_words.down.sql",
        sha256="fe4be3c579b73cea75b0d858bea5196c225359e4d683a5ea6ceb733d265c075e",
    )
