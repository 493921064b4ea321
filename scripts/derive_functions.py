"""Derive zava_sql/guard/functions.txt and attributes.txt from the catalogues of live servers.

Both should have the extensions vector and, where it is to be had, pg_trgm. Review the difference.
"""

import argparse
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # where its rule is tested

from guard_catalogue import attributes_text, derive, functions_text  # noqa: E402

parser = argparse.ArgumentParser(prog="scripts/derive-functions", description=__doc__)
parser.add_argument("url_16", help="URL of PostgreSQL 16")
parser.add_argument("url_18", help="URL of PostgreSQL 18")
given = parser.parse_args()
try:
    names = derive([given.url_16, given.url_18])
except psycopg.Error as error:
    what = " ".join(str(error).split())
    sys.stderr.write(f"error: {what}\nhint: Give the URLs of two servers that run.\n")
    sys.exit(3)
guard = ROOT / "zava_sql" / "guard"
(guard / "functions.txt").write_text(functions_text(names), encoding="utf-8")
(guard / "attributes.txt").write_text(attributes_text(names), encoding="utf-8")
