"""How connections are made, and what is set in every session.

An agent's connection keeps the statements of one principal at a time: they are gone before the next
one begins, whose sight of them, and whose plans made of them, would else be a leak. asyncpg's reset
between users is not needed, since each session ends in ROLLBACK.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg import connect_utils

from zava_sql.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from asyncpg.prepared_stmt import PreparedStatement
    from pydantic import SecretStr

    from zava_sql.settings import Settings

__all__ = ["Column", "GatewayConnection", "make_pool", "session_start"]

_SEARCH_PATH = "retail, public"

# PostgreSQL's own text of these is exact and keeps what Python's types lose: months of intervals,
# infinity, years before 1 and after 9999, trailing zeros.
_TEXT_TYPES = (
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "money",
    "bytea",
    "uuid",
)


# Statements that a gateway connection keeps, and the longest text of one.
_KEPT_STATEMENTS = 64
_KEPT_LENGTH = 4_096


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; names may repeat."""

    name: str
    type: str


class GatewayConnection(asyncpg.Connection):
    """Runs the texts of one principal after the other and keeps those that come again, by name."""

    _server_caps: Any
    _addr: Any
    _params: Any
    _protocol: Any
    _stmt_cache: Any
    _stmts_to_close: set[Any]
    _prepare: Callable[..., Awaitable[PreparedStatement[asyncpg.Record]]]
    _loop: asyncio.AbstractEventLoop
    _cancel_current_command: Callable[[asyncio.Future[None]], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - asyncpg's own
        super().__init__(*args, **kwargs)
        # asyncpg would look types up with set_config(), which tenants lack, to switch JIT off.
        self._server_caps = self._server_caps._replace(jit=False)
        self._holder: UUID | None = None
        self._seen: set[str] = set()
        # Of the kept statements, by their names, each of which is given once.
        self._columns: dict[str, tuple[Column, ...]] = {}

    async def begin(self, holder: UUID, batch: str) -> None:
        """Start a transaction; statements that another principal left are ended first."""
        if holder != self._holder:
            self.forget()
            # What DEALLOCATE ALL ends need not be closed by name.
            self._stmt_cache.clear()
            self._stmts_to_close.clear()
            batch = f"DEALLOCATE ALL; {batch}"
        await self.execute(batch)
        self._holder = holder

    async def cancel(self) -> None:
        """Ask PostgreSQL to stop what runs here; return when it has got the request."""
        with suppress(OSError):
            await connect_utils._cancel(  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
                loop=self._loop,
                addr=self._addr,
                params=self._params,
                backend_pid=self._protocol.backend_pid,
                backend_secret=self._protocol.backend_secret,
            )

    def forget(self) -> None:
        """Have the next transaction end all statements, whoever begins it."""
        self._holder = None
        self._seen.clear()
        self._columns.clear()

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text: without a name at first, to be kept when it comes again."""
        if text in self._seen:
            return await self._prepare(text, use_cache=True)
        if len(text) <= _KEPT_LENGTH:
            if len(self._seen) == _KEPT_STATEMENTS:
                self._seen.clear()
            self._seen.add(text)
        return await self._prepare(text, name="")

    def columns(self, statement: PreparedStatement[asyncpg.Record]) -> tuple[Column, ...]:
        """Give the columns of what a statement answers."""
        name = statement.get_name()
        columns = self._columns.get(name)
        if columns is None:
            columns = tuple(
                Column(attribute.name, attribute.type.name)
                for attribute in statement.get_attributes()
            )
            if len(self._columns) == _KEPT_STATEMENTS:
                self._columns.clear()
            if name:
                self._columns[name] = columns
        return columns


class TransactionConnection(GatewayConnection):
    """The same behind a pooler, where the next transaction may be on another backend."""

    async def begin(self, holder: UUID, batch: str) -> None:  # noqa: ARG002 - nothing is held
        """Go on in a transaction; no statement is kept."""
        await self.execute(batch)

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text without a name: the server forgets it with the next one."""
        return await self._prepare(text, name="")


def make_pool(
    settings: Settings, variable: str, url: SecretStr | None, *, gateway: bool
) -> asyncpg.Pool[asyncpg.Record]:
    """Make a pool that has no connection yet.

    Raises:
        ConfigurationError: there is no URL.
    """
    if url is None or not url.get_secret_value():
        raise ConfigurationError(
            f"{variable} is not set", hint="Set it, or start the embedded server: zava-sql db up"
        )
    kind: type[asyncpg.Connection[asyncpg.Record]] = asyncpg.Connection
    if gateway:
        kind = TransactionConnection if settings.pooler else GatewayConnection
    return asyncpg.create_pool(
        url.get_secret_value(),
        min_size=min(settings.pool_min, settings.pool_max) if gateway else 1,
        max_size=settings.pool_max,
        max_inactive_connection_lifetime=settings.pool_lifetime,
        command_timeout=settings.command_timeout,
        timeout=settings.connect_timeout,
        server_settings={"application_name": settings.application_name}
        if settings.pooler
        else _session(settings) | {"search_path": _SEARCH_PATH},
        # A cache for texts up to one byte holds nothing; one of size 0 would have every text sent
        # twice.
        statement_cache_size=_KEPT_STATEMENTS if gateway else 100,
        max_cacheable_statement_size=1 if settings.pooler else 15_360,
        connection_class=kind,
        init=_prepare_gateway if gateway else None,
        reset=_no_reset,
    )


def _session(settings: Settings) -> dict[str, str]:
    """Give the settings of every session but its search path."""
    return {
        "application_name": settings.application_name,
        "statement_timeout": str(round(settings.statement_timeout * 1000)),
        "idle_in_transaction_session_timeout": str(round(settings.command_timeout * 1000) + 5000),
        "work_mem": settings.work_mem,
        "jit": "off",
        "TimeZone": settings.time_zone,
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        # What the guard's lexer assumes.
        "standard_conforming_strings": "on",
        "client_encoding": "UTF8",
        # Ends the work for a client that is gone, even where no cancel request came through.
        "client_connection_check_interval": "1000",
    }


def session_start(settings: Settings) -> str:
    """Give the same as statements of a transaction: PgBouncer refuses them as it connects."""
    texts = {name: value.replace("'", "''") for name, value in _session(settings).items()}
    return f"SET LOCAL search_path = {_SEARCH_PATH};" + "".join(
        f"SET LOCAL {name} = '{value}';" for name, value in texts.items()
    )


async def _no_reset(_: object) -> None:
    """Do nothing: agent sessions end in ROLLBACK, the service only calls functions."""


async def _prepare_gateway(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    # In one transaction, which a pooler keeps on one backend.
    async with connection.transaction():
        for name in _TEXT_TYPES:
            # As the type text is read: by the driver's own code, without a call for each value.
            await connection.set_builtin_type_codec(
                name, schema="pg_catalog", codec_name="text", format="text"
            )
        # The first SET ROLE of a backend reads all memberships: long when they are many.
        role = await connection.fetchval(
            "select m.roleid::regrole::text from pg_catalog.pg_auth_members as m"
            " where m.member = current_user::regrole and m.set_option limit 1"
        )
        if role is not None:
            await connection.execute(f"SET LOCAL ROLE {role}")
