"""house_rules."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0006_house_rules.up.sql",
        sha256="e6c8559bdb16190b7f82272d3fe9d41ce13b296dbdf94ae91e38f22febb12923",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0006_house_rules.down.sql",
        sha256="8e3fe365587f9e4bd537256622fd318891e1a94dd72eab53410ee0a0168ea044",
    )
