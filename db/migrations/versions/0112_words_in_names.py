"""words_in_names."""

from alembic import op

revision = "0112"
down_revision = "0111"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0112_words_in_names.up.sql",
        sha256="a9e68632ee1104e97c5a82a87ac0fc6d8e3f6574424866a27ecf64bcf447a5f8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0112_words_in_names.down.sql",
        sha256="0caf76734bfd0ea06f2b7355cb6360ae249d06391377b8774f8b8699a583fd9d",
    )
