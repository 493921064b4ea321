"""embedding_claims."""

from alembic import op

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0067_embedding_claims.up.sql",
        sha256="a9658b8fa6f2a04f4f219ed22ad61f748b945b18dc8055645f0874d9ccb6125a",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0067_embedding_claims.down.sql",
        sha256="2f13a842982a48875f356e273be9800f71f890d23d98cfc6dde4897ce117ddbf",
    )
