"""one_principal_at_a_time."""

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0042_one_principal_at_a_time.up.sql",
        sha256="2600762e155946d17b5f99070cf95346664e3fe3a7eaa4514a7d6da24d4cd986",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0042_one_principal_at_a_time.down.sql",
        sha256="0649be43ff764f5f72b58c5e2ac2ca481d8e5fde142447592dc099c5fc63a6f3",
    )
