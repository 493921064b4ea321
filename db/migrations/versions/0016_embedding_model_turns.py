"""embedding_model_turns."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0016_embedding_model_turns.up.sql",
        sha256="d8608034a42bedeb1275f47f18cb9000902768942786c31858c8470f4975e737",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0016_embedding_model_turns.down.sql",
        sha256="797a3b1bc08d5d7f0050abc32c1f370f2e59560c36ba4b8f50c6904f07ffb926",
    )
