"""sales_at_their_worth."""

from alembic import op

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0063_sales_at_their_worth.up.sql",
        sha256="ecd4782782b3ee4a813e7f0afd89509c9f7b81014b3a46614449f9c378333e9c",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0063_sales_at_their_worth.down.sql",
        sha256="63a4e72d1d93ac75f2974a10e26f64df9b50ce69ea09bb79573f96d44ad2de8a",
    )
