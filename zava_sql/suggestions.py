"""Which name was meant, so that a model can rewrite its statement without another call."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from difflib import SequenceMatcher
from functools import partial
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql.catalogue import list_parts
from zava_sql.errors import ZavaError
from zava_sql.guard.lexer import scan
from zava_sql.guard.operands import follows_operand
from zava_sql.guard.type_words import is_name
from zava_sql.repairs import COLUMNS, FUNCTIONS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zava_sql.catalogue import Part
    from zava_sql.database import Database
    from zava_sql.errors import DatabaseError
    from zava_sql.guard.lexer import Tokens
    from zava_sql.principals import Principal

__all__ = ["suggest"]

# Seconds: whoever waits for an answer has one already, and a connection may not come free for long.
_PATIENCE: Final = 2.0

# Of one hint.
_TABLES: Final = 12
_COMPARED: Final = 50
_HOLDERS: Final = 5
_CHARACTERS: Final = 1_000

# What stands without quotes in other dialects, and within how many words behind the function.
_UNITS: Final = frozenset({"year", "quarter", "month", "week", "isoweek", "day", "hour", "minute"})
_OF_UNITS: Final = frozenset({"date_trunc", "date_part"})
_BEFORE: Final = 8
_COMPARING: Final = frozenset({"=", "<>", "like", "ilike"})


async def suggest(
    database: Database, principal: Principal, error: DatabaseError, canonical: str
) -> None:
    """Put existing names into the hint of an error about an unknown name, where possible.

    The error's position is one in the canonical text.
    """
    if error.position is None or error.hint not in (COLUMNS, FUNCTIONS, TABLES):
        return
    tokens = scan(canonical, len(canonical))
    first = bisect_right(tokens.positions(), error.position - 1) - 1
    last = first
    while tokens.keys[last + 1] == ".":
        last += 2
    wrong = tokens.name(last)
    try:
        async with asyncio.timeout(_PATIENCE):
            if error.hint == TABLES:
                call = _functions(await list_parts(database, principal, [wrong]))
                tables = await list_parts(database, principal) if not call else []
                hint = f"It is a function. {call}" if call else _tables(wrong, tables)
            elif error.hint == FUNCTIONS:
                hint = _functions(await list_parts(database, principal, [wrong]))
            else:
                hint = _columns(wrong, await list_parts(database, principal, _names(tokens), wrong))
    except (TimeoutError, ZavaError, asyncpg.PostgresError):
        return  # the error itself says more than that its hint could not be made
    if hint and error.hint == COLUMNS and first == last:
        hint = f"{_mistaken(first, tokens)}{hint}"
    error.hint = hint or error.hint


def _tables(wrong: str, parts: Iterable[Part]) -> str:
    """Name the tables, those first whose names are most like the wrong one."""
    tables = [part.name for part in parts if part.kind == "table"]
    likeness = SequenceMatcher(b=wrong)

    def unlike(table: str, ratio: Callable[[], float]) -> float:
        likeness.set_seq1(table)
        return -ratio()

    # Nobody else is served meanwhile, and comparing names takes long.
    if len(tables) > _COMPARED:
        tables.sort(key=partial(unlike, ratio=likeness.quick_ratio))
    near = sorted(tables[:_COMPARED], key=partial(unlike, ratio=likeness.ratio))
    shown, more = near[:_TABLES], len(tables) > _TABLES
    if not shown:
        return ""
    return f"Tables: {', '.join(shown)}{', …: see describe_schema' if more else ''}."


def _functions(parts: Iterable[Part]) -> str:
    """Say how a function is called whose name is right."""
    calls = [part.parts for part in parts if part.kind == "function"]
    hint = f"Call it as {' or '.join(calls)}, by name with =>; in [] is what may be left out."
    return hint if calls and len(hint) <= _CHARACTERS else ""


def _columns(wrong: str, parts: Iterable[Part]) -> str:
    """Say which table has the column, and which columns the tables have that are asked."""
    tables = [part for part in parts if part.kind == "table"]
    holders = [part.name for part in tables if part.has_column]
    hints = [f"{wrong} is a column of {', '.join(holders[:_HOLDERS])}."] if holders else []
    hints += [f"Columns of {part.name}: {part.parts}." for part in tables if not part.has_column]
    hint = ""
    for one in hints:
        if len(hint) + len(one) <= _CHARACTERS:
            hint = f"{hint} {one}".lstrip()
    return hint


def _mistaken(wrong: int, tokens: Tokens) -> str:
    """Say what else the name of a column can be that there is not."""
    if tokens.keys[wrong] == '"':
        return "A text stands in single quotes. "
    name = tokens.name(wrong)
    if name in _UNITS and not _OF_UNITS.isdisjoint(tokens.keys[max(wrong - _BEFORE, 0) : wrong]):
        return "The unit is a text, and comes first: date_trunc('month', x). "
    same = (at for at in range(1, len(tokens.texts)) if at != wrong and tokens.name(at) == name)
    if any(tokens.keys[at - 1] == "as" or follows_operand(tokens, at) for at in same):
        return (
            "SELECT, WHERE, HAVING and expressions in ORDER BY know no alias: write the expression "
            "itself; "
            "a window function goes into an inner query. "
        )
    if tokens.keys[wrong - 1] in _COMPARING:
        return "A text would stand in single quotes. "
    return ""


def _names(tokens: Tokens) -> list[str]:
    """Give what may be names, each once, as the catalogue has them."""
    words = [tokens.name(at) for at in range(len(tokens.texts)) if is_name(tokens, at)]
    return list(dict.fromkeys(words))
