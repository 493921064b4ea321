"""search."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0008_search.up.sql",
        sha256="af51d0af06f3f5552924bcf150f422defad90b9ccfe3ae3f305332baa2c65a94",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0008_search.down.sql",
        sha256="afa9f0988b19a6427e88e4003507f0249006089c3443414f1b696bf6ad86286e",
    )
