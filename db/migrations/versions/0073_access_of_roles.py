"""access_of_roles."""

from alembic import op

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0073_access_of_roles.up.sql",
        sha256="b1de357600c9069eefa75e61d68b585cc294a2b8943f4cf833228963c67d3a52",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0073_access_of_roles.down.sql",
        sha256="d3a7063de2cf96c60b45d57d71b4f32beb22265be60f367acf7917e84bcf3301",
    )
