"""no_member_of_tenants."""

from alembic import op

revision = "0083"
down_revision = "0082"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0083_no_member_of_tenants.up.sql",
        sha256="319d774ad82e296fb0bc150ea8875af508dafe28d34e8dc638e8929b88319bd5",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0083_no_member_of_tenants.down.sql",
        sha256="4e54e1511d81f711a457c2ab9415222c7cdc73a9c3a6b0601ec418f08ff9c452",
    )
