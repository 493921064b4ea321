"""nearest_of_the_beginning."""

from alembic import op

revision = "0079"
down_revision = "0078"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0079_nearest_of_the_beginning.up.sql",
        sha256="0ce48acd08cb94cd55cf49b6b811e9c06be03bb4d30cd42dba399ec69fcda6fd",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0079_nearest_of_the_beginning.down.sql",
        sha256="f8641ff5be92b40439559fe3c13f919400dadc27b8057540fff3e0333f1ba2cc",
    )
