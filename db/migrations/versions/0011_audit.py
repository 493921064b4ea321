"""audit."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0011_audit.up.sql",
        sha256="d1931a17fb87543ec06b6bce957bd32b99ed367114043a3f9d811ee24dceb793",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0011_audit.down.sql",
        sha256="4220ca34f0cf890d888cba4a00ecc5b6c1c6c7dd0ff665c3e65f974349d52258",
    )
