"""What a caller may ask about. The database describes itself: see db/functions/schema."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import asyncpg

from zava_sql.connections import translated_connection_errors
from zava_sql.errors import QueryTimeout, ValidationError, ZavaError
from zava_sql.function_types import has_text
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from zava_sql.database import Database
    from zava_sql.principals import Principal

__all__ = ["Name", "Part", "describe_schema", "list_names", "list_parts"]


# Characters: every word is looked for in every comment, and a name compared with every other.
_LONGEST_SEARCH: Final = 200
_LONGEST_NAME: Final = 300
_COMPARED: Final = 500  # names: nobody else is served meanwhile


@dataclass(frozen=True, slots=True)
class Name:
    """Something to ask about: `kind` is table or function, `name` comes with its schema."""

    kind: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a table is made of, its columns, or a function takes: its whole call."""

    kind: str
    name: str
    parts: str
    has_column: bool


async def describe_schema(
    database: Database, principal: Principal, name: str | None = None, search: str | None = None
) -> str:
    """Describe all that this principal may use in a line each, one in full, or what words are in.

    Raises:
        ValidationError: nothing of that name may be read by this principal, or no word is found.
        QueryTimeout, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    if search is not None and len(search) > _LONGEST_SEARCH:
        raise ValidationError(
            f"a search has at most {_LONGEST_SEARCH} characters",
            hint="Search for a few words at a time.",
        )
    text: str | None = None
    bare = (name or "").partition("(")[0]
    # There is nothing of a name that no text of PostgreSQL can hold, nor of one so long.
    if len(name or "") <= _LONGEST_NAME and has_text(f"{name}{search}"):
        text = await _described(database, principal, name, search)
        # The list of all has keys and arguments in brackets behind the names.
        if text is None and bare.strip() and bare != name and not search:
            text = await _described(database, principal, bare, search)
    if text is None and search is not None and search.strip():
        raise ValidationError(
            f"nothing that you may use is found by {search[:80]!r}",
            hint="Use fewer words, or describe_schema without arguments, which lists everything.",
        )
    if text is None:
        raise ValidationError(
            f"there is no table or function {(name or '')[:80]!r} that you may use",
            hint=await _meant(database, principal, bare)
            + "Give one name; without any, describe_schema lists them all.",
        )
    return text


async def _meant(database: Database, principal: Principal, name: str) -> str:
    """Name what is spelled most like a name that there is not; nothing if there is none to have."""
    wrong = name.rpartition(".")[2].strip().lower()
    if not 0 < len(wrong) <= _LONGEST_NAME:
        return ""
    try:
        names = await list_names(database, principal)
    except ZavaError:
        return ""  # that the name is wrong says enough
    there = {one.name.partition(".")[2].lower(): one.name for one in names[:_COMPARED]}
    near = [there[one] for one in get_close_matches(wrong, there, 2, 0.7)]
    return f"Did you mean {' or '.join(near)}? " if near else ""


async def _described(
    database: Database, principal: Principal, name: str | None, search: str | None
) -> str | None:
    (row,) = await _ask(database, principal, "select api.describe_schema($1, $2)", name, search)
    text: str | None = row[0]
    return text


async def list_names(database: Database, principal: Principal) -> list[Name]:
    """List the tables, then the functions, that this principal may use.

    Raises:
        QueryTimeout, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    rows = await _ask(database, principal, "select * from api._list_names()")
    return [Name(row["kind"], row["name"], row["title"]) for row in rows]


async def list_parts(
    database: Database,
    principal: Principal,
    names: list[str] | None = None,
    column: str | None = None,
) -> list[Part]:
    """List tables and functions of these names, and tables with that column; or all tables.

    Raises:
        QueryTimeout, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    rows = await _ask(database, principal, "select * from api._list_parts($1, $2)", names, column)
    return [Part(**row) for row in rows]


async def _ask(
    database: Database, principal: Principal, sql: str, *arguments: object
) -> list[asyncpg.Record]:
    async def attempt() -> list[asyncpg.Record]:
        async with tenant_session(database, principal, is_ours=True) as connection:
            return await connection.fetch(sql, *arguments)

    caps = database.caps.of(principal.role)
    turn = database.turns.turn(principal.role, caps.max_concurrent, caps.pool_timeout)
    try:
        async with turn, translated_connection_errors():
            return await database.read(attempt)
    except asyncpg.QueryCanceledError:
        raise QueryTimeout(
            "describing the schema took too long", hint="Try again in a moment."
        ) from None
