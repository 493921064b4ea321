"""The only way in which the SQL of an agent runs: guard, tenant session, caps, errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from zava_sql import runner
from zava_sql.database import CONNECTION_ERRORS
from zava_sql.errors import (
    DatabaseError,
    QueryTimeout,
    ServiceUnavailable,
    ValidationError,
    ZavaError,
)
from zava_sql.guard import Guard
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from zava_sql.database import Database
    from zava_sql.functions import FunctionSpec
    from zava_sql.tenant import Principal

    Embed = Callable[[Principal, str], Awaitable[Sequence[float] | None]]

__all__ = ["Agent", "Column", "Result", "fetch"]

# The newline keeps a trailing comment from swallowing the bracket. That only a query can stand in
# the brackets stops PREPARE, SET, COMMIT and their like: the wrap is a boundary, no convenience.
_WRAP_HEAD = "select * from (\n"
_WRAP_TAIL = "\n) as q limit "

# asyncpg reads their fields as if they came in the format that is set for columns: wrong values.
_RECORDS = frozenset({"record", "record[]", "_record"})

logger = logging.getLogger(__name__)

_HINTS = {
    "42601": "The statement must be one SELECT in PostgreSQL's dialect.",
    "42703": "Column names are in describe_schema; double quotes are for names, single for text.",
    "42P01": "Table names are in describe_schema; tables are in the schema retail.",
    "42803": "Put every column that is not aggregated into GROUP BY.",
    "42883": "No such function or operator for these types; add a cast, as in x::numeric.",
    "42501": "This identity may not read that; describe_schema lists what it may.",
    "22012": "Guard the divisor with nullif(x, 0).",
    "53200": "Ask for less: aggregate, filter or limit.",
    "53400": "Ask for less: aggregate, filter or limit.",
    "54001": "Simplify the statement: fewer nested expressions.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; names may repeat."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Result:
    """An answer: rows as tuples; `truncated` is exact: True means that there are more rows."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[object, ...]]
    truncated: bool


class Agent:
    """Answers questions of principals from one database.

    `embed` turns a principal's text into a vector, or None where that cannot be.
    """

    def __init__(
        self,
        database: Database,
        guard: Guard | None = None,
        *,
        embed: Embed | None = None,
    ) -> None:
        self.database = database
        self.embed = embed
        self.guard = guard if guard is not None else Guard()
        self._guard_given = guard is not None

    async def query(self, principal: Principal, sql: str, *, max_rows: int | None = None) -> Result:
        """Run one SELECT as this principal and give at most `max_rows` rows.

        Raises:
            QueryRefused: the guard does not let the text through.
            QueryTimeout, DatabaseError, LimitExceeded, ServiceUnavailable: see `errors`.
            ValidationError: max_rows is out of range.
        """
        limit = self._limit(max_rows)
        checked = self.guard.check(sql)
        try:
            return await fetch(self.database, principal, checked.canonical, limit)
        except DatabaseError as error:
            # PostgreSQL counts in the canonical text, the caller reads its own.
            if error.position is not None:
                error.position = checked.original_position(error.position - 1)
            raise

    async def call_function(
        self,
        principal: Principal,
        function: FunctionSpec,
        arguments: Mapping[str, object],
        *,
        max_rows: int | None = None,
    ) -> Result:
        """Call a function as this principal; the arguments fit its schema.

        Raises:
            QueryTimeout, DatabaseError, LimitExceeded, ServiceUnavailable: see `errors`.
            ValidationError: max_rows is out of range, or PostgreSQL has no text for a value.
        """
        limit = self._limit(max_rows)
        given = dict(arguments)
        for parameter in function.parameters:
            text = given.get(parameter.embeds) if parameter.embeds else None
            if self.embed is not None and isinstance(text, str):
                given[parameter.name] = await _embedding(self.embed, principal, text)
        sql, values = function.call(given)
        try:
            return await fetch(self.database, principal, sql, limit, values)
        except DatabaseError as error:
            error.position = None  # in a text that the caller has not written
            raise

    def allow_functions(self, names: Collection[str]) -> None:
        """Have the guard know the functions of schema api; one that was given is left alone."""
        if not self._guard_given:
            self.guard = Guard(names)

    def _limit(self, max_rows: int | None) -> int:
        settings = self.database.settings
        if max_rows is None:
            return min(settings.max_rows, settings.max_rows_limit)
        if not 1 <= max_rows <= settings.max_rows_limit:
            raise ValidationError(
                f"max_rows must be from 1 to {settings.max_rows_limit}, not {max_rows}",
                hint="Ask for fewer rows and page with ORDER BY, LIMIT and OFFSET, or aggregate.",
            )
        return max_rows


async def fetch(  # noqa: PLR0913 - one call, and the same once more
    database: Database,
    principal: Principal,
    sql: str,
    limit: int,
    values: Sequence[object] = (),
    *,
    again: bool = True,
) -> Result:
    """Run a text as this principal without the guard; for `Agent` and for tests that do without.

    Raises:
        QueryTimeout, DatabaseError, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    text = f"{_WRAP_HEAD}{sql}{_WRAP_TAIL}{limit + 1}"
    # With values the text is a call of ours, as Agent.call_function() writes it.
    runs = database.runner and not values
    acting, role = (runner.acting(principal), runner.ROLE) if runs else (principal, None)

    async def attempt() -> tuple[tuple[Column, ...], list[asyncpg.Record]]:
        async with tenant_session(database, acting, role=role) as connection:
            # The runner is told the columns of today, so it wants no statement that was kept.
            statement = await (
                connection.prepare(text, name="") if runs else connection.statement(text)
            )
            columns = tuple(
                Column(attribute.name, attribute.type.name)
                for attribute in statement.get_attributes()
            )
            if any(column.type in _RECORDS for column in columns):
                raise _unsendable()
            if len(statement.get_parameters()) > len(values):
                raise DatabaseError(
                    "there is no value for the parameter $1",
                    sqlstate="42P02",
                    hint="Write the value itself into the statement.",
                )
            return columns, await (
                runner.run(connection, principal, text, statement.get_attributes())
                if runs
                else statement.fetch(*values)
            )

    try:
        columns, records = await database.read(attempt)
    except asyncpg.InvalidCachedStatementError as error:
        # What the text gives has changed since its statement was kept; nothing is kept by now.
        if again:
            return await fetch(database, principal, sql, limit, values, again=False)
        raise _database_error(error, len(sql)) from error
    except (asyncpg.QueryCanceledError, TimeoutError):
        raise _timeout(database) from None
    except asyncpg.UnsupportedClientFeatureError as error:
        raise _unsendable() from error
    except CONNECTION_ERRORS as error:
        raise ServiceUnavailable(
            "the connection to the database was lost", hint="Try again in a moment."
        ) from error
    except asyncpg.PostgresError as error:
        raise _database_error(error, len(sql)) from error
    return Result(columns, list(map(tuple, records[:limit])), len(records) > limit)


async def _embedding(embed: Embed, principal: Principal, text: str) -> list[float] | None:
    """Give the vector of a text; None, with which a function goes by words, where there is none."""
    try:
        vector = await embed(principal, text)
    except ZavaError as error:
        logger.warning("no embedding: %s", error.message)
        return None
    return None if vector is None else list(vector)


def _unsendable() -> DatabaseError:
    return DatabaseError(
        "a column is of a type that cannot be sent",
        sqlstate="0A000",
        hint="Cast it to text, as in x::text.",
    )


def _timeout(database: Database) -> QueryTimeout:
    return QueryTimeout(
        f"the query took longer than {database.settings.statement_timeout:g} seconds",
        hint="Filter by store and date, aggregate, or ask for less at a time.",
    )


def _database_error(error: asyncpg.PostgresError, length: int) -> DatabaseError:
    sqlstate = error.sqlstate
    position: int | None = None
    if error.position is not None:
        position = int(error.position) - len(_WRAP_HEAD)
        position = position if 1 <= position <= length else None
    hint = error.hint or _HINTS.get(sqlstate or "", "")
    return DatabaseError(
        error.message or "the statement failed", sqlstate=sqlstate, hint=hint, position=position
    )
