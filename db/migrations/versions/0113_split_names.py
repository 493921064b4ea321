"""split_names."""

from alembic import op

revision = "0113"
down_revision = "0112"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0113_split_names.up.sql",
        sha256="8713d95a87cdd62aa99511b0b8c4aa022501eaa6f96c71ffcd3a3979b0d2dcdf",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0113_split_names.down.sql",
        sha256="8b3864ae83d393887945aef42ad03fd7f3a5ee6aa832baab2d72514d7e972cbe",
    )
