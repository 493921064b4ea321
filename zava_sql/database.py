"""The two pools: the gateway's, which runs the text of agents, and the service's, which does not.

Both go on after the database was away, however long: see `retry`. How connections are made is in
`pools`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

import asyncpg

from zava_sql import pools, runner
from zava_sql.caps import Caps
from zava_sql.connections import (
    CONNECTION_ERRORS,
    translated_connection_errors,
)
from zava_sql.context import ContextKey
from zava_sql.errors import ConfigurationError, DatabaseError, LimitExceeded, ServiceUnavailable
from zava_sql.retry import Breaker, retrying
from zava_sql.settings import required
from zava_sql.stopping import stop
from zava_sql.turns import Turns, last_until
from zava_sql.urls import connecting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from zava_sql.gateway import GatewayConnection
    from zava_sql.lending import LentConnection, Pool
    from zava_sql.settings import Settings

__all__ = ["Database"]

T = TypeVar("T")


class Database:
    """Both pools and the context key; made by `Database.open()`."""

    def __init__(
        self,
        settings: Settings,
        context_key: ContextKey,
        gateway: Pool[GatewayConnection],
        service: Pool[LentConnection],
    ) -> None:
        self.settings = settings
        self.context_key = context_key
        self.gateway = gateway
        self.service = service
        self.caps = Caps(settings)
        self.turns = Turns(settings.pool_max)
        # Seconds by which the database's clock is ahead: it judges the expiry of contexts.
        self.clock_offset = 0.0
        # With a key that is not known there everybody would see nothing, and take it for the truth.
        self.is_key_known = True
        # Behind a pooler a backend is ours for a transaction only: each sets it all up.
        self.session_start = pools.session_start(settings) if settings.pooler else ""
        self.breakers = self._gateway_breaker, self._service_breaker = [
            Breaker(name, failures=settings.breaker_failures, seconds=settings.breaker_seconds)
            for name in ("gateway", "service")
        ]
        # Whether the text of agents runs inside a function of its class role.
        self.runner = False
        # Whether a text can read what other sessions of the gateway were told; see `tenant`.
        self.is_open = False
        self._returning: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Database]:
        """Connect both pools and see that isolation can hold.

        Raises:
            ConfigurationError: a setting is missing or wrong, the gateway is a role that row-level
                security does not bind, or the database does not know the context key.
            ServiceUnavailable: the database cannot be reached.
        """
        if settings.context_key is None:
            raise ConfigurationError(
                "ZAVA_CONTEXT_KEY is not set", hint="Make one with: zava-sql key create"
            )
        key = ContextKey.parse(settings.context_key.get_secret_value())
        gateway, service = pools.gateway_pool(settings), pools.service_pool(settings)
        database = cls(settings, key, gateway, service)
        try:
            async with translated_connection_errors():
                for variable, url, start in (
                    ("ZAVA_DATABASE_URL", settings.database_url, gateway.start),
                    ("ZAVA_SERVICE_URL", settings.service_url, service.start),
                ):
                    with connecting(variable, required(variable, url)):
                        try:
                            await start()
                        except asyncpg.InvalidParameterValueError as error:
                            raise ConfigurationError(
                                f"PostgreSQL refuses a setting: {error.message}",
                                hint=f"Correct ZAVA_TIME_ZONE, ZAVA_WORK_MEM or {variable}.",
                            ) from error
                await database._check()
            yield database
        finally:
            await database._close()

    async def read(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what reads through the gateway, again where the database went away meanwhile.

        Raises:
            ServiceUnavailable: it has been away for a while; and what `work` raises.
        """
        return await retrying(
            work,
            self._gateway_breaker,
            attempts=self.settings.retry_attempts,
            seconds=self.settings.statement_timeout,
            lost=self.gateway.expire_connections,
        )

    async def acquire(self, holder: UUID) -> GatewayConnection:
        """Take a gateway connection for a principal, for `give_back()` to put back.

        Raises:
            LimitExceeded: all of them are busy.
            ServiceUnavailable: none could be made; or the login is refused, which a caller is not
                told more about.
        """
        try:
            return await self.gateway.acquire(holder)
        except TimeoutError as error:
            if self.gateway.is_full:
                # From no error that is worth another attempt: it has waited for its time.
                raise ServiceUnavailable(
                    "the database takes no more connections", hint="Try again in a moment."
                ) from None
            if self.gateway.get_size() < self.gateway.get_max_size():
                raise ServiceUnavailable(
                    "the database did not answer in time", hint="Try again in a moment."
                ) from error
            raise LimitExceeded(
                "all database connections are busy",
                hint="Try again in a moment, or raise ZAVA_POOL_MAX.",
            ) from None
        except asyncpg.TooManyConnectionsError as error:
            raise ServiceUnavailable(
                "the database takes no more connections", hint="Try again in a moment."
            ) from error
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.InsufficientPrivilegeError,
            asyncpg.ObjectNotInPrerequisiteStateError,
        ) as error:
            raise ServiceUnavailable(
                "the database refuses this server's login", hint="Tell an administrator."
            ) from error

    def give_back(
        self, connection: GatewayConnection, state: Literal["sound", "failed", "unknown"]
    ) -> None:
        """Put a gateway connection back, beside the caller's own work.

        A sound transaction waits a moment for the next one to end it; a failed one is ended now.
        Where the state is not known the query is ended, so that it does not run on, and then the
        connection itself; until then nobody gets its place.
        """
        # Behind a pooler a transaction holds a backend, for which others wait.
        if state == "sound" and not self.settings.pooler:
            connection.is_left_open = True
            self.gateway.release(connection)
        else:
            last_until(self._beside(self._give_back(connection, is_known=state != "unknown")))

    def _beside(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        return task

    async def _give_back(self, connection: GatewayConnection, *, is_known: bool) -> None:
        try:
            if is_known:
                await connection.end()
            else:
                await stop(connection)
        except (asyncpg.PostgresError, TimeoutError, *CONNECTION_ERRORS):
            connection.terminate()
        finally:
            self.gateway.release(connection)

    async def _close(self) -> None:
        """Close both pools; connections that do not end in time are cut."""
        if self._returning:
            await asyncio.wait(self._returning, timeout=5)
        for pool in (self.gateway, self.service):
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def _check(self) -> None:
        async with self.gateway.lend() as connection, connection.transaction():
            bound = await connection.fetchval(
                "select not (r.rolsuper or r.rolbypassrls)"
                " from pg_catalog.pg_roles as r where r.rolname = current_user"
            )
            if not bound:
                raise ConfigurationError(
                    "ZAVA_DATABASE_URL logs in as a role that row-level security does not bind",
                    hint="Use the login zava_gateway, never a superuser or a role with BYPASSRLS.",
                )
            self.runner = await runner.wanted(connection, self.settings.runner)
            self.is_open = not self.runner and await runner.is_open(connection)
        try:
            await self.refresh()
        except (asyncpg.PostgresError, DatabaseError) as error:
            raise ConfigurationError(
                "this database is not migrated, or ZAVA_SERVICE_URL may not use it",
                hint="Migrate it with `zava-sql db upgrade`; log in as zava_service.",
            ) from error
        if not self.is_key_known:
            raise ConfigurationError(
                "the database does not know the key in ZAVA_CONTEXT_KEY, or it is retired",
                hint="Register a new one with: zava-sql key create",
            )

    async def refresh(self) -> None:
        """Look at what may change meanwhile: caps of roles, the signing key, the clock, hardening.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        # First: until it is seen, what a key signs that is not known shows no rows.
        (key,) = await self.service_rows(
            "select zava.knows_signing_key($1, $2) as known",
            self.context_key.kid,
            self.context_key.fingerprint(),
        )
        self.is_key_known = key["known"]
        self.caps.update(await self.service_rows("select * from zava.role_caps()"))
        # Where calls are refused, and nobody calls, this finds out that the database is back.
        if self.gateway.get_idle_size() or self._gateway_breaker.state != "closed":
            await self.read(self._look)

    async def _look(self) -> None:
        async with self.gateway.lend() as connection:
            # It may have been hardened.
            self.is_open = not self.runner and await runner.is_open(connection)
            await self.follow_clock(connection)

    async def follow_clock(self, connection: GatewayConnection) -> None:
        """See by how much the database's clock is ahead."""
        before = time.time()
        now = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
        self.clock_offset = float(now - (before + time.time()) / 2)

    async def service_row(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run one of the kernel's functions that read and give its first row."""
        rows = await self.service_rows(sql, *arguments)
        return rows[0] if rows else None

    async def service_rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one of the kernel's functions that read; never text of an agent.

        Raises:
            DatabaseError, ServiceUnavailable: see `errors`.
        """
        seconds = self.settings.command_timeout

        async def fetch() -> list[asyncpg.Record]:
            async with self.service_session() as connection:
                try:
                    return await connection.fetch(sql, *arguments, timeout=seconds)
                except TimeoutError:
                    # These are quick: where one has no answer, nor have the other connections.
                    await self.service.expire_connections()
                    raise

        async with translated_connection_errors():
            return await retrying(
                fetch,
                self._service_breaker,
                attempts=self.settings.retry_attempts,
                seconds=seconds,
                lost=self.service.expire_connections,
            )

    def service_session(self) -> AbstractAsyncContextManager[LentConnection]:
        """Lend a connection of the service; behind a pooler in a transaction, which holds it."""
        return self._service_transaction() if self.settings.pooler else self.service.lend()

    @asynccontextmanager
    async def _service_transaction(self) -> AsyncIterator[LentConnection]:
        async with self.service.lend() as connection, connection.transaction():
            await connection.execute(self.session_start)
            yield connection
