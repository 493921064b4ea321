"""index_once."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0025_index_once.up.sql",
        sha256="b575c89fb80c63234da1d7ac69bb4ef972a66e005ec24577eb7be17f9cb47a66",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0025_index_once.down.sql",
        sha256="325732ebd70463b758eb8dd294ceb7daf4f127d113a6946561663d1069adfa78",
    )
