"""more_questions_of_few_products."""

from alembic import op

revision = "0106"
down_revision = "0105"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0106_more_questions_of_few_products.up.sql",
        sha256="63c0a90bc0f646089c79260d2bd6f8c96162f0d294e30a8d2233b26ef2ff0c3d",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0106_more_questions_of_few_products.down.sql",
        sha256="f9e48a5c124a77d6bda99c695b3a69a6da6c7ed407a8e806e0cd94af38c6fbfc",
    )
