"""search_words_first_ten."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply."""
    op.sql_file(
        "0014_search_words_first_ten.up.sql",
        sha256="a7fd97eb2f660600e7f78fdfb5004810d809a7137bcd1223605309bc94675955",
    )


def downgrade() -> None:
    """Undo."""
    op.sql_file(
        "0014_search_words_first_ten.down.sql",
        sha256="9e7a6c4860a3be20b502ece6737b094e43bef902c71d0aced7106a2a26ab82dc",
    )
