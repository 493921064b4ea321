"""search_of_what_is_not_wanted."""

from alembic import op

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0074_search_of_what_is_not_wanted.up.sql",
        sha256="674c7363a9530840effcfb190240e2a89fe288e5b282d77d77cf55bf5aa32c7c",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0074_search_of_what_is_not_wanted.down.sql",
        sha256="8c0e6b57a46a5a4421e0af10c0eaf3823d84211b5d10799b7e8382c85c1b0514",
    )
