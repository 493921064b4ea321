"""embedding_races."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0007_embedding_races.up.sql",
        sha256="bd5c9ce2a01ac9e306a2cbcee93e0d9488797ad16ad32552b03cf472a46a7ef3",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0007_embedding_races.down.sql",
        sha256="cfd9775a04d0758aa6d5b6eda0a0eabfd5a82984c58502d1fb3463444b4f0a78",
    )
