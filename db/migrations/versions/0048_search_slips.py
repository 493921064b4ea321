"""search_slips."""

from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0048_search_slips.up.sql",
        sha256="24d54ab1ab0d6af829ad333f557e0e31ef93795d0e262ec72049f2f8e4412d36",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0048_search_slips.down.sql",
        sha256="3515e087e912e9d7fb615328d1cf16acdad4048e73110d6ca1293adcb806c008",
    )
