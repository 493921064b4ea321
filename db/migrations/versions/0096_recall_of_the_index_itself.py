"""recall_of_the_index_itself."""

from alembic import op

revision = "0096"
down_revision = "0095"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0096_recall_of_the_index_itself.up.sql",
        sha256="88f20b742e8bed77d0ec1961d24bd9a454625adf6d732cb911648f500f7e7ead",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0096_recall_of_the_index_itself.down.sql",
        sha256="8d0e6607409eb81ff1d63f9a3f8dd08d90ae08e301dda73e4cf02cdf2e692dd8",
    )
