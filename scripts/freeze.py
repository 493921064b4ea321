"""Freeze what changed in db/functions and db/policies into a revision (db/functions/README.md)."""

import argparse
import sys
from pathlib import Path

from zava_sql import ddl, errors

DB = Path(__file__).resolve().parents[1] / "db"

parser = argparse.ArgumentParser(prog="scripts/freeze", description=__doc__)
parser.add_argument("name", nargs="?", help="name of a new revision, such as add_returns")
parser.add_argument("--empty", action="store_true", help="even if nothing changed")
parser.add_argument("--redo", action="store_true", help="write the newest revision anew instead")
parser.add_argument("--rehash", metavar="NNNN", help="accept edits of an unreleased revision")
given = parser.parse_args()
if sum(map(bool, (given.name, given.redo, given.rehash))) != 1:
    parser.error("give a name, or --redo, or --rehash NNNN")
try:
    if given.name:
        done = ddl.freeze(DB, given.name, empty=given.empty)
    else:
        done = ddl.redo(DB) if given.redo else ddl.rehash(DB, given.rehash)
except errors.ZavaError as error:
    sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
    sys.exit(error.exit_code)
sys.stdout.write("\n".join([*done, ""]))
