"""fences_before_conditions."""

from alembic import op

revision = "0097"
down_revision = "0096"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0097_fences_before_conditions.up.sql",
        sha256="4a140a1828bd2ec6675ee24be1d4b2cca5cc35c2f609e11d50e91eceabbe14b8",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0097_fences_before_conditions.down.sql",
        sha256="fea6ef226c6c46f53bae3c363fcbb2e3ba1b8f84e7655aa858447637e98fada8",
    )
