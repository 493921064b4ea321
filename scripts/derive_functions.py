"""Derive zava_sql/guard/functions.txt and attributes.txt from the catalogues of live servers.

    scripts/derive-functions URL_OF_POSTGRESQL_16 URL_OF_POSTGRESQL_18

Both should have the extensions vector and, where it is to be had, pg_trgm. Review the difference.
"""

import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # where its rule is tested

from guard_catalogue import attributes_text, derive, functions_text  # noqa: E402

if len(sys.argv) != 3:
    sys.exit(__doc__)
try:
    names = derive(sys.argv[1:])
except psycopg.Error as error:
    sys.exit(f"error: {error}\nhint: give the URLs of two running servers, of version 16 and of 18")
guard = ROOT / "zava_sql" / "guard"
(guard / "functions.txt").write_text(functions_text(names), encoding="utf-8")
(guard / "attributes.txt").write_text(attributes_text(names), encoding="utf-8")
