"""How connections are made, and what is set in every session.

asyncpg's reset between users is not needed: each session of an agent ends in ROLLBACK, and the
service only calls functions.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg

from zava_sql.gateway import KEPT_STATEMENTS, GatewayConnection, GatewayPool, TransactionConnection
from zava_sql.settings import required
from zava_sql.text_types import read_exactly

if TYPE_CHECKING:
    from pydantic import SecretStr

    from zava_sql.settings import Settings

__all__ = ["gateway_pool", "service_pool", "session_start", "settled"]

_SEARCH_PATH = "retail, public"


def gateway_pool(settings: Settings) -> GatewayPool:
    """Make the pool for the text of agents; it has no connection yet.

    Raises:
        ConfigurationError: there is no URL.
    """
    kind = TransactionConnection if settings.pooler else GatewayConnection
    options = _options(settings, "ZAVA_DATABASE_URL", settings.database_url)

    async def connect() -> GatewayConnection:
        connection = await asyncpg.connect(
            **options, statement_cache_size=KEPT_STATEMENTS, connection_class=kind
        )
        try:
            await _prepare_gateway(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    return GatewayPool(
        connect,
        smallest=min(settings.pool_min, settings.pool_max),
        largest=settings.pool_max,
        lifetime=settings.pool_lifetime,
        patience=settings.pool_timeout,
    )


def service_pool(settings: Settings) -> asyncpg.Pool[asyncpg.Record]:
    """Make the pool for the kernel's functions; it has no connection yet.

    Raises:
        ConfigurationError: there is no URL.
    """
    return asyncpg.create_pool(
        **_options(settings, "ZAVA_SERVICE_URL", settings.service_url),
        min_size=1,
        max_size=settings.pool_max,
        max_inactive_connection_lifetime=settings.pool_lifetime,
        reset=_no_reset,
        connect=_connect_to_the_end,
    )


def _options(settings: Settings, variable: str, url: SecretStr | None) -> dict[str, Any]:
    return {
        "dsn": required(variable, url),
        "command_timeout": settings.command_timeout,
        "timeout": settings.connect_timeout,
        "server_settings": {"application_name": settings.application_name}
        if settings.pooler
        else _session(settings) | {"search_path": _SEARCH_PATH},
        # A cache for texts up to one byte holds nothing; one of size 0 would have every text sent
        # twice.
        "max_cacheable_statement_size": 1 if settings.pooler else 15_360,
    }


def _session(settings: Settings) -> dict[str, str]:
    """Give the settings of every session but its search path."""
    return {
        "application_name": settings.application_name,
        "statement_timeout": str(round(settings.statement_timeout * 1000)),
        "idle_in_transaction_session_timeout": str(round(settings.command_timeout * 1000) + 5000),
        "work_mem": settings.work_mem,
        # No other is possible on a replica.
        "default_transaction_isolation": "read committed",
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


async def settled(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Let a pool make the connection that it is making: the error of one cut off is nobody's."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while pool.get_size() < pool.get_min_size():  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.005)


async def _connect_to_the_end(
    *arguments: Any,  # noqa: ANN401 - asyncpg's own
    **options: Any,  # noqa: ANN401
) -> asyncpg.Connection[asyncpg.Record]:
    """Connect also for who gives up meanwhile: the error of one cut off is nobody's."""
    connecting = asyncio.ensure_future(asyncpg.connect(*arguments, **options))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(_drop)
        raise


def _drop(connecting: asyncio.Future[asyncpg.Connection[asyncpg.Record]]) -> None:
    if not connecting.cancelled() and not connecting.exception():
        connecting.result().terminate()


async def _no_reset(_: object) -> None:
    """Do nothing."""


async def _prepare_gateway(connection: GatewayConnection) -> None:
    # In one transaction, which a pooler keeps on one backend.
    async with connection.transaction():
        await read_exactly(connection)
        # The first SET ROLE of a backend reads all memberships: long when they are many.
        role = await connection.fetchval(
            "select m.roleid::regrole::text from pg_catalog.pg_auth_members as m"
            " where m.member = current_user::regrole and m.set_option limit 1"
        )
        if role is not None:
            await connection.execute(f"SET LOCAL ROLE {role}")
