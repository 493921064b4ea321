"""embeddings."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0005_embeddings.up.sql",
        sha256="1e6c2465805140c996dd5da6fdc1e0840fd866384681e3c55357c042111be0f4",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0005_embeddings.down.sql",
        sha256="59e123d48af8ea304c80f2a18a02cccf1cbb6114ff95eeceba286153445e71ec",
    )
