"""replica_lag."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0018_replica_lag.up.sql",
        sha256="553991a12f601ade8e95004a407fdc877c1f907d3e8436c749a5ce7f9bbd5116",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0018_replica_lag.down.sql",
        sha256="9f4fcc897c4ab327baed02ca173616a2d44c5be5c33415bee891bc79d46c698b",
    )
