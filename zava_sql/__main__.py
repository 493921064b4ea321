"""`python -m zava_sql` is `zava-sql`."""

from zava_sql.cli import main

main()
