"""reports_at_edges."""

from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0047_reports_at_edges.up.sql",
        sha256="3c414d6bf4fe5d6118a09cce03e85e4dea1d03b78025aefe7d477558ee17e3f1",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0047_reports_at_edges.down.sql",
        sha256="97072a00e82b750a824032d39d7783c86de283b4b2f9c5b5ab6e534be6ca6073",
    )
