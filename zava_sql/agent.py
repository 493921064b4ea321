"""The only way in which the SQL of an agent runs: guard, tenant session, caps, errors."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from zava_sql import runner
from zava_sql.audit import Audit
from zava_sql.cache import Cache
from zava_sql.calls import Call
from zava_sql.caps import check_cost
from zava_sql.catalogue import describe_schema
from zava_sql.connections import CONNECTION_ERRORS
from zava_sql.database import Database
from zava_sql.errors import (
    AccessDenied,
    BadArgument,
    DatabaseError,
    LimitExceeded,
    QueryTimeout,
    ServiceUnavailable,
    ValidationError,
    ZavaError,
)
from zava_sql.guard import Guard
from zava_sql.repairs import repair
from zava_sql.result import Result
from zava_sql.retry import is_elsewhere
from zava_sql.suggestions import suggest
from zava_sql.tenant import tenant_session
from zava_sql.traces import span
from zava_sql.turns import Turns
from zava_sql.wrap import HEAD, prepared, unsendable, wrapped

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Mapping,
        Sequence,
    )
    from contextlib import AbstractAsyncContextManager

    from zava_sql.embedding import Vector
    from zava_sql.functions import FunctionSpec
    from zava_sql.principals import Principal
    from zava_sql.settings import Settings
    from zava_sql.wrap import Prepared

    Embed = Callable[[Principal, str], Awaitable[Vector | None]]

__all__ = ["Agent", "fetch"]

# SQLSTATEs of invalid argument values, by PostgreSQL or by the function itself.
_BAD_ARGUMENTS = {"22001", "22003", "22007", "22008", "22023", "22P02", "22P05", "23514"}

# Characters of PostgreSQL's error messages, at most.
_LONGEST = 2_000

logger = logging.getLogger(__name__)


@asynccontextmanager
async def _no_embedder(_: Database) -> AsyncIterator[None]:
    yield


class Agent:
    """Answers questions of principals from one database.

    `embed` turns a principal's text into a vector, or None where that cannot be. Every call is
    written down in `audit`; use `Agent.open()`, which brings one.
    """

    def __init__(
        self,
        database: Database,
        *,
        embed: Embed | None = None,
        audit: Audit | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.database = database
        self.embed = embed
        self.audit = audit
        self.cache = cache
        # Called at the end of every call; must not fail.
        self.observers: list[Callable[[Call], None]] = []
        # Separate turns: waiting for an embedder must not keep a connection from others.
        self._embedding_turns = Turns(database.settings.pool_max)
        self.guard = Guard(strict=database.settings.guard_strict)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        fail_closed: bool = False,
        embedder: Callable[[Database], AbstractAsyncContextManager[Embed | None]] = _no_embedder,
    ) -> AsyncIterator[Agent]:
        """Connect to the database and its audit log; `fail_closed` where ZAVA_AUDIT is not set.

        Raises:
            ConfigurationError, ServiceUnavailable: see `Database.open()` and `Audit.open()`.
        """
        async with (
            Database.open(settings) as database,
            Audit.open(settings, fail_closed=fail_closed) as audit,
            embedder(database) as embed,
            Cache.open(database) as cache,
        ):
            yield cls(database, embed=embed, audit=audit, cache=cache)

    async def query(self, principal: Principal, sql: str, *, max_rows: int | None = None) -> Result:
        """Run one SELECT as this principal and give at most `max_rows` rows.

        Raises:
            QueryRefused: the guard does not let the text through.
            QueryTimeout, DatabaseError, LimitExceeded, ServiceUnavailable: see `errors`.
            ValidationError: max_rows is out of range.
        """
        async with self._called(principal, "query", sql) as call:
            limit = self._limit(principal, max_rows)
            with span("guard"):
                checked = self.guard.check(sql, principal.principal_id)
            call.sql = checked.canonical
            try:
                return await self._answer(call, limit)
            except DatabaseError as error:
                await suggest(self.database, principal, error, checked.canonical)
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
        async with self._called(principal, function.name, function.function, arguments) as call:
            limit = self._limit(principal, max_rows)
            given = dict(arguments)
            for parameter in function.parameters:
                text = given.get(parameter.embeds) if parameter.embeds else None
                if self.embed is not None and isinstance(text, str):
                    given[parameter.name] = await self._vector(self.embed, principal, text)
            call.sql, values = function.call(given)
            try:
                return await self._answer(call, limit, values, is_ours=True)
            except DatabaseError as error:
                error.position = None  # in a text that the caller did not write
                error.message = function.shown(error.message)
                error.hint = function.shown(error.hint)
                raise

    async def describe(
        self, principal: Principal, name: str | None = None, search: str | None = None
    ) -> str:
        """Describe what this principal may use; see `describe_schema`."""
        arguments = {key: text for key, text in (("name", name), ("search", search)) if text}
        async with self._called(principal, "describe_schema", "", arguments) as call:
            text = await describe_schema(self.database, principal, name, search)
            call.size = len(text)
            return text

    async def _answer(
        self, call: Call, limit: int, values: Sequence[object] = (), *, is_ours: bool = False
    ) -> Result:
        sql = call.sql or ""

        async def fresh() -> Result:
            async with self._turn(call.principal):
                return await fetch(
                    self.database, call.principal, sql, limit, values, is_ours=is_ours
                )

        if self.cache is None:
            result = await fresh()
        else:
            result = await self.cache.answer(call, limit, values, fresh)
        call.rows, call.size = result.row_count, result.size
        return result

    async def _vector(self, embed: Embed, principal: Principal, text: str) -> Vector | None:
        """Embed a text; None if that cannot be, with which a function searches by words."""
        try:
            async with self._turn(principal, self._embedding_turns):
                return await embed(principal, text)
        except ZavaError as error:
            logger.warning("no embedding: %s", error.message)
            return None

    def _turn(
        self, principal: Principal, turns: Turns | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Wait for this tenant's turn to use a connection, or for one of other `turns`.

        Raises: LimitExceeded: none comes free in time.
        """
        caps = self.database.caps.of(principal.role)
        turns = turns or self.database.turns
        return turns.turn(principal.role, caps.max_concurrent, caps.pool_timeout)

    @asynccontextmanager
    async def _called(
        self,
        principal: Principal,
        tool: str,
        text: str,
        arguments: Mapping[str, object] | None = None,
    ) -> AsyncIterator[Call]:
        """Record a call however it ends; one that cannot be recorded gets no answer.

        Raises: ServiceUnavailable: the audit cannot be written.
        """
        call = Call(principal, tool, text, arguments or {})
        audit = None
        try:
            if self.audit is not None:
                self.audit.check()
                audit = self.audit
            yield call
            call.answered()
        except BaseException as error:
            call.ended_by(error)
            raise
        finally:
            call.stop()
            try:
                if audit is not None:
                    await audit.record(call)
            except BaseException as error:
                # The counters must know that no answer goes out.
                call.ended_by(error)
                raise
            finally:
                for observe in self.observers:
                    observe(call)

    def allow_functions(self, names: Collection[str]) -> None:
        """Tell the guard the functions of schema api."""
        self.guard = Guard(names, strict=self.database.settings.guard_strict)

    def _limit(self, principal: Principal, max_rows: int | None) -> int:
        settings = self.database.caps.of(principal.role)
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
    is_ours: bool = False,
    again: bool = True,
) -> Result:
    """Run a text as this principal without the guard; for `Agent` and for tests that do without.

    A text `is_ours` if it calls a function with `values`, as Agent.call_function() writes it.

    Raises:
        QueryTimeout, DatabaseError, LimitExceeded, ServiceUnavailable: see `errors`.
    """
    caps = database.caps.of(principal.role)
    # With values the text is a call of ours, as Agent.call_function() writes it.
    runs = database.runner and not values
    acting, role = (runner.acting(principal), runner.ROLE) if runs else (principal, None)

    async def attempt() -> tuple[Prepared, bool, list[asyncpg.Record]]:
        await check_cost(database, principal, wrapped(sql, limit), values, caps.max_cost)
        async with tenant_session(
            database, acting, role=role, caps=caps, is_ours=is_ours
        ) as connection:
            # The runner gets the current columns, so it wants no cached statement.
            found = await prepared(connection, sql, limit, len(values), keep=not runs)
            of_replica = connection.is_of_replica
            async with connection.inflow.limited(max(found.most_bytes, 4 * caps.max_bytes)):
                records = await (
                    runner.run(connection, principal, found.text, found.statement.get_attributes())
                    if runs
                    else found.statement.fetch(*values)
                )
            return found, of_replica, records

    begun = time.monotonic()
    try:
        with span("database"):
            found, of_replica, records = await database.read(attempt)
    except asyncpg.InvalidCachedStatementError as error:
        # The columns of the text have changed since its statement was cached; nothing is cached by
        # now.
        if again:
            return await fetch(
                database, principal, sql, limit, values, is_ours=is_ours, again=False
            )
        raise _database_error(error, sql, values) from error
    except (asyncpg.QueryCanceledError, TimeoutError) as error:
        # PostgreSQL has one code for both, and their messages are in its own language.
        in_time = time.monotonic() - begun < caps.statement_timeout
        if in_time and isinstance(error, asyncpg.QueryCanceledError):
            raise _stopped(error) from None
        raise _timeout(caps) from None
    except asyncpg.UnsupportedClientFeatureError as error:
        raise unsendable(str(error)) from error
    except CONNECTION_ERRORS as error:
        raise _lost(error) from error
    except asyncpg.PostgresError as error:
        raise _database_error(error, sql, values) from error
    some = records[: found.rows]
    return Result.of(
        found.columns, some, truncated=len(records) > found.rows, of_replica=of_replica
    )


def _lost(error: BaseException) -> ZavaError:
    if "could not resolve query result" in str(error):  # of a type that asyncpg looks up in vain
        return unsendable()
    what = "another server that the query reads" if is_elsewhere(error) else "the database"
    return ServiceUnavailable(f"the connection to {what} was lost", hint="Try again in a moment.")


def _timeout(caps: Settings) -> QueryTimeout:
    seconds = min(caps.statement_timeout, caps.command_timeout)
    return QueryTimeout(
        f"the query took longer than {seconds:g} seconds",
        hint="Filter by store and date, aggregate, or ask for less at a time.",
    )


def _stopped(error: asyncpg.QueryCanceledError) -> DatabaseError:
    return DatabaseError(
        "the query was stopped",
        sqlstate=error.sqlstate,
        hint="An administrator may have stopped it: ask for less, filter by store and date.",
    )


def _database_error(error: asyncpg.PostgresError, sql: str, values: Sequence[object]) -> ZavaError:
    if isinstance(error, asyncpg.ConfigurationLimitExceededError):
        return LimitExceeded(
            "the query needs more temporary space on disk than it may use",
            hint="Sort, group or join fewer rows: filter by store and date, aggregate first.",
        )
    if isinstance(error, asyncpg.DiskFullError):
        # Without the original message, which names files of the server.
        return ServiceUnavailable(
            "the database has no room left on its disk",
            hint="Sort, group or join fewer rows. An administrator has to make room.",
        )
    position: int | None = None
    if error.position is not None:
        position = int(error.position) - len(HEAD)
        position = position if 1 <= position <= len(sql) else None
    message = error.message or "the statement failed"
    quoted = position is not None and sql[position - 1] == '"'
    hint = repair(error.sqlstate or "", message, error.hint, bound=bool(values), quoted=quoted)
    kind: type[DatabaseError] = DatabaseError
    if error.sqlstate == "42501":
        kind = AccessDenied
    elif values and error.sqlstate in _BAD_ARGUMENTS:
        kind = BadArgument
    return kind(_short(message), sqlstate=error.sqlstate, hint=_short(hint), position=position)


def _short(text: str) -> str:
    """Shorten what may quote a value: of any length, or with a line that looks like one of ours."""
    text = " ".join(text.splitlines())
    rest = len(text) - _LONGEST
    return f"{text[:_LONGEST]}…[{rest} more characters]" if rest > 0 else text
