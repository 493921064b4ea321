"""Reads a catalogue by the rule of scripts/derive_functions.sql, and writes the guard's data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, cast

import psycopg

from zava_sql.guard.keywords import COLUMN_WORD, KINDS, RESERVED, words
from zava_sql.guard.type_names import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

QUERY = Path(__file__).parents[1] / "scripts" / "derive_functions.sql"
ANY_NUMBER = 999

# Types with a constructor of that name that takes more than the value to cast. Not among them:
# bit, bpchar, varchar (they pad), polygon (so many points), numeric and times (precision).
CONSTRUCTORS = words("""
    int4range int8range numrange tsrange tstzrange daterange
    int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
    point box lseg line circle
    """)

FUNCTIONS_HEADER = """\
# Functions that an agent's SELECT may call: name, kind, least and most arguments, schema.
# kind: function, aggregate, window. Most arguments: * is any number.
#
# Written by scripts/derive-functions from PostgreSQL 16 and 18 with pgvector and pg_trgm; the rule,
# and what is pruned by hand and why, stand in scripts/derive_functions.sql. Not listed: functions
# named like a type without a constructor (one argument: a cast), special forms (extract).
# Bounded beyond this list: repeat, lpad, rpad, format (zava_sql/guard/lengths.py).
"""
ATTRIBUTES_HEADER = """\
# Functions that take one argument and are not in functions.txt, and types that agents may not
# name. PostgreSQL calls these functions, and casts to these types, in attribute notation too
# (`x.pg_sleep`, `(x).regrole`), so no attribute may bear these names.
# Names that begin with pg_, _pg_, crosstab or dblink are refused by rule and not repeated here.
# Written by scripts/derive-functions from PostgreSQL 16 and 18 with pgvector and pg_trgm.
"""


@dataclass
class Function:
    kind: str
    schema: str
    least: int
    most: int
    takes_one: bool
    is_allowed: bool


def read_catalogue(connection: psycopg.Connection[Any]) -> dict[str, Function]:
    """All functions that SQL can reach, by name, overloads as one; and types."""
    query = cast("LiteralString", QUERY.read_text(encoding="utf-8"))
    return {row[0]: Function(row[2], row[1], *row[3:]) for row in connection.execute(query)}


def merge(one: Function, two: Function) -> Function:
    """One name on two servers: allowed if it is on both."""
    return Function(
        one.kind,
        one.schema,
        min(one.least, two.least),
        max(one.most, two.most),
        one.takes_one or two.takes_one,
        one.is_allowed and two.is_allowed,
    )


def derive(urls: Iterable[str]) -> dict[str, Function]:
    found: dict[str, Function] = {}
    for url in urls:
        with psycopg.connect(url) as connection:
            for name, new in read_catalogue(connection).items():
                found[name] = merge(found[name], new) if name in found else new
    return found


def functions_text(found: dict[str, Function]) -> str:
    lines = [
        f"{name} {f.kind} {f.least} {'*' if f.most >= ANY_NUMBER else f.most} {f.schema}\n"
        for name, f in sorted(found.items())
        if f.is_allowed
        and (name not in TYPES or name in CONSTRUCTORS)
        and KINDS.get(name) not in (COLUMN_WORD, RESERVED)
    ]
    return FUNCTIONS_HEADER + "".join(lines)


def attributes_text(found: dict[str, Function]) -> str:
    lines = [
        f"{name}\n"
        for name, f in sorted(found.items())
        if f.takes_one
        and not f.is_allowed
        and name.removeprefix("_") not in TYPES
        and not name.startswith(("pg_", "_pg_"))
    ]
    return ATTRIBUTES_HEADER + "".join(lines)
