"""context_plan."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0022_context_plan.up.sql",
        sha256="598d4857a636607993b1c60e5c96d8d1d9824ed375f00847630e1fd8978ae6c5",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0022_context_plan.down.sql",
        sha256="c1c62dd338bb3c211cf2ef67724cb2eda6becbcee6559ea2da1a97bdd87a0d4e",
    )
