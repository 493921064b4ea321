"""affinity_enough."""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0030_affinity_enough.up.sql",
        sha256="f587646607428432c28af8e73518630c38343025e4f0f80a71bcd8e18c0ed5b4",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0030_affinity_enough.down.sql",
        sha256="333f2c254111946da311eaf1a3bae8d124066046dfa5ce3f839d37adab6fc048",
    )
