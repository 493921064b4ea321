"""The two pools: the gateway's, which runs the text of agents, and the service's, which does not.

An agent's connection keeps the statements of one principal at a time: they are gone before the next
one begins, whose sight of them, and whose plans made of them, would else be a leak. asyncpg's reset
between users is not needed, since each session ends in ROLLBACK.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg

from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable
from zava_sql.tenant import ContextKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from asyncpg.prepared_stmt import PreparedStatement
    from pydantic import SecretStr

    from zava_sql.settings import Settings

__all__ = ["CONNECTION_ERRORS", "Database", "connect"]

CONNECTION_ERRORS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)

# Always ROLLBACK: it undoes what COMMIT would keep (role, settings, LISTEN, cursors); session
# advisory locks are what it leaves.
_CLOSE = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()"

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


class GatewayConnection(asyncpg.Connection):
    """Runs the texts of one principal after the other and keeps those that come again, by name."""

    _server_caps: Any
    _stmt_cache: Any
    _stmts_to_close: set[Any]
    _prepare: Callable[..., Awaitable[PreparedStatement[asyncpg.Record]]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - asyncpg's own
        super().__init__(*args, **kwargs)
        # asyncpg would look types up with set_config(), which tenants lack, to switch JIT off.
        self._server_caps = self._server_caps._replace(jit=False)
        self._holder: UUID | None = None
        self._seen: set[str] = set()

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

    def forget(self) -> None:
        """Have the next transaction end all statements, whoever begins it."""
        self._holder = None
        self._seen.clear()

    async def statement(self, text: str) -> PreparedStatement[asyncpg.Record]:
        """Prepare a text: without a name at first, to be kept when it comes again."""
        if text in self._seen:
            return await self._prepare(text, use_cache=True)
        if len(text) <= _KEPT_LENGTH:
            if len(self._seen) == _KEPT_STATEMENTS:
                self._seen.clear()
            self._seen.add(text)
        return await self._prepare(text, name="")


class Database:
    """Both pools and the context key; made by `Database.open()`."""

    def __init__(
        self,
        settings: Settings,
        context_key: ContextKey,
        gateway: asyncpg.Pool[asyncpg.Record],
        service: asyncpg.Pool[asyncpg.Record],
    ) -> None:
        self.settings = settings
        self.context_key = context_key
        self.gateway = gateway
        self.service = service
        # Seconds by which the database's clock is ahead: it judges the expiry of contexts.
        self.clock_offset = 0.0
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
        gateway = _pool(settings, "ZAVA_DATABASE_URL", settings.database_url, gateway=True)
        service = _pool(settings, "ZAVA_SERVICE_URL", settings.service_url, gateway=False)
        database = cls(settings, key, gateway, service)
        try:
            async with translated_connection_errors():
                for variable, pool in (
                    ("ZAVA_DATABASE_URL", gateway),
                    ("ZAVA_SERVICE_URL", service),
                ):
                    try:
                        await pool
                    except ValueError:
                        # Without its cause: that may quote a part of the URL, such as the password.
                        raise ConfigurationError(
                            f"{variable} is not a PostgreSQL URL",
                            hint="Use postgresql://user:password@host:5432/database",
                        ) from None
                await database._check()
            yield database
        finally:
            await database._close()

    def give_back(
        self, connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], *, clean: bool
    ) -> None:
        """Put a gateway connection back, beside the caller's own work.

        What is not `clean` is ended: first its query, so that it does not run on, then itself.
        """
        task = asyncio.get_running_loop().create_task(self._give_back(connection, clean=clean))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _give_back(
        self, connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], *, clean: bool
    ) -> None:
        try:
            if clean:
                await connection.execute(_CLOSE)
            else:
                # Unlike terminate(), it sends the cancel request that asyncpg has queued.
                await connection.close(timeout=5)
        except (asyncpg.PostgresError, TimeoutError, *CONNECTION_ERRORS):
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
        finally:
            with suppress(*CONNECTION_ERRORS):
                await self.gateway.release(connection)

    async def _close(self) -> None:
        """Close both pools; connections that do not end in time are cut."""
        await asyncio.gather(*self._returning, return_exceptions=True)
        for pool in (self.gateway, self.service):
            # A pool that never came up says so; there is nothing to close then.
            with suppress(asyncpg.InterfaceError):
                try:
                    async with asyncio.timeout(5):
                        await pool.close()
                except TimeoutError:
                    pool.terminate()

    async def _check(self) -> None:
        async with self.gateway.acquire() as connection:
            before = time.time()
            row = await connection.fetchrow(
                "select r.rolsuper or r.rolbypassrls as unbound, r.rolname,"
                " extract(epoch from clock_timestamp())::float8 as now"
                " from pg_catalog.pg_roles as r where r.rolname = current_user"
            )
        if row is None or row["unbound"]:
            raise ConfigurationError(
                "ZAVA_DATABASE_URL logs in as a role that row-level security does not bind",
                hint="Use the login zava_gateway, never a superuser or a role with BYPASSRLS.",
            )
        self.clock_offset = row["now"] - (before + time.time()) / 2
        try:
            known = await self.service_row(
                "select zava.knows_signing_key($1, $2) as known",
                self.context_key.kid,
                self.context_key.fingerprint(),
            )
        except (asyncpg.PostgresError, DatabaseError) as error:
            raise ConfigurationError(
                "this database has no zava_sql in it, or ZAVA_SERVICE_URL may not use it",
                hint="Migrate it with `zava-sql db upgrade`; log in as zava_service.",
            ) from error
        if known is None or not known["known"]:
            raise ConfigurationError(
                "the database does not know the key in ZAVA_CONTEXT_KEY, or it is retired",
                hint="Register a new one with: zava-sql key create",
            )

    async def service_row(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run one of the kernel's functions as the service login; never text of an agent."""
        async with translated_connection_errors():
            return await self.service.fetchrow(
                sql, *arguments, timeout=self.settings.command_timeout
            )


def _pool(
    settings: Settings, variable: str, url: SecretStr | None, *, gateway: bool
) -> asyncpg.Pool[asyncpg.Record]:
    if url is None or not url.get_secret_value():
        raise ConfigurationError(
            f"{variable} is not set", hint="Set it, or start the embedded server: zava-sql db up"
        )
    session = {
        "application_name": settings.application_name,
        "search_path": "retail, public",
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
    return asyncpg.create_pool(
        url.get_secret_value(),
        min_size=min(settings.pool_min, settings.pool_max) if gateway else 1,
        max_size=settings.pool_max,
        max_inactive_connection_lifetime=settings.pool_lifetime,
        command_timeout=settings.command_timeout,
        timeout=settings.connect_timeout,
        server_settings=session,
        statement_cache_size=_KEPT_STATEMENTS if gateway else 100,
        connection_class=GatewayConnection if gateway else asyncpg.Connection,
        init=_prepare_gateway if gateway else None,
        reset=_no_reset,
    )


async def _no_reset(_: object) -> None:
    """Do nothing: agent sessions end in ROLLBACK, the service only calls functions."""


async def _prepare_gateway(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    for name in _TEXT_TYPES:
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=str, decoder=str, format="text"
        )
    # The first SET ROLE of a backend reads all memberships, which takes long when they are many.
    role = await connection.fetchval(
        "select m.roleid::regrole::text from pg_catalog.pg_auth_members as m"
        " where m.member = current_user::regrole and m.set_option limit 1"
    )
    if role is not None:
        await connection.execute(f"BEGIN; SET LOCAL ROLE {role}; ROLLBACK")


@asynccontextmanager
async def translated_connection_errors() -> AsyncIterator[None]:
    """Turn what drivers raise on a lost or refused connection into errors of ours."""
    try:
        yield
    except ValueError:
        # Without its cause: that may quote a part of the URL, such as the password.
        raise ConfigurationError(
            "a database URL is not valid", hint="Use postgresql://user:password@host:5432/database"
        ) from None
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(
            "the database refused the login", hint="Check user and password in the URL."
        ) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise ConfigurationError(
            "the database named in the URL does not exist",
            hint="Create it, or start the embedded server: zava-sql db up",
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseError(
            error.message or "permission denied",
            sqlstate=error.sqlstate,
            hint="Log in as a role that may do this.",
        ) from error
    except (
        asyncpg.TooManyConnectionsError,
        asyncpg.ObjectNotInPrerequisiteStateError,
    ) as error:
        raise ServiceUnavailable(
            "the database takes no more connections", hint="Try again in a moment."
        ) from error
    except TimeoutError as error:
        raise ServiceUnavailable(
            "the database did not answer in time", hint="Check that it runs and is reachable."
        ) from error
    except CONNECTION_ERRORS as error:
        raise ServiceUnavailable(
            "the database cannot be reached", hint="Check that it runs and that the URL is right."
        ) from error


@asynccontextmanager
async def connect(
    url: SecretStr | None, *, variable: str = "ZAVA_ADMIN_URL"
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend one connection of the administrator.

    Raises:
        ConfigurationError: there is no URL, or it is wrong.
        ServiceUnavailable: the database cannot be reached.
    """
    if url is None:
        raise ConfigurationError(
            f"{variable} is not set", hint="Set it, or start the embedded server: zava-sql db up"
        )
    async with translated_connection_errors():
        connection = await asyncpg.connect(url.get_secret_value(), timeout=10)
    try:
        yield connection
    finally:
        await connection.close()
