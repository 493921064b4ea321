"""short_names_of_types."""

from alembic import op

revision = "0108"
down_revision = "0107"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0108_short_names_of_types.up.sql",
        sha256="39f802b65ebe87135bf92bcd215c8eacac065dc2a87989a16d1304b3b2f430e7",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0108_short_names_of_types.down.sql",
        sha256="611e7d53d57cb050b3dc4d0d45b892aef3cb47cd05696223637def2850921e85",
    )
