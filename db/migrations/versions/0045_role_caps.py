"""role_caps."""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0045_role_caps.up.sql",
        sha256="659301cedb7e0c926f037f417b2c52ee7b6454b3c1b5533fb15e15846bf02762",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0045_role_caps.down.sql",
        sha256="fa9a40f21c7a6340204841ed8d23554745092fca7065dceef53f52f00085d6e1",
    )
