"""harden_more_functions."""

from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0059_harden_more_functions.up.sql",
        sha256="cb88e19f9cc49e37b9b2695a73c0ea3e237a66206cdd262bdd391b30e72299bd",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0059_harden_more_functions.down.sql",
        sha256="ab2c81a1d80e2436a6fe74bd11dc2ccafde7ac1a193171ce87e4e748531ad878",
    )
