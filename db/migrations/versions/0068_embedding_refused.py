"""embedding_refused."""

from alembic import op

revision = "0068"
down_revision = "0067"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0068_embedding_refused.up.sql",
        sha256="5c121ff012949b10caa127d11ff6be5a6a193b4c41aacd92818cbc27789a24af",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0068_embedding_refused.down.sql",
        sha256="5d9b9d8090df3b7e8cfb74bb27a8e0909d570d168a45619bba25b8135ea630c6",
    )
