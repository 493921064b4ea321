"""lists_names_of_parts."""

from alembic import op

revision = "0088"
down_revision = "0087"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0088_lists_names_of_parts.up.sql",
        sha256="76bcfb540984e0b09bcec0f384cba7422ec0c080ea844c931e4721fcdcec789b",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0088_lists_names_of_parts.down.sql",
        sha256="cf713fe3de7a4aed04f66f6dd63e590e3cd05c52ddbd8cb50605be2b06171816",
    )
