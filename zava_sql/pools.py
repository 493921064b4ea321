"""How connections are made, and what is set in every session.

Nothing is reset between users: each session of an agent ends in ROLLBACK, and the service only
calls functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from zava_sql.gateway import KEPT_STATEMENTS, GatewayConnection, TransactionConnection
from zava_sql.lending import C, LentConnection, Pool
from zava_sql.settings import required
from zava_sql.text_types import read_exactly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import SecretStr

    from zava_sql.settings import Settings

__all__ = ["gateway_pool", "service_pool", "session_start"]

_SEARCH_PATH = "retail, public"


def gateway_pool(settings: Settings) -> Pool[GatewayConnection]:
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

    return _pool(connect, settings, min(settings.pool_min, settings.pool_max))


def service_pool(settings: Settings) -> Pool[LentConnection]:
    """Make the pool for the kernel's functions; it has no connection yet.

    Raises:
        ConfigurationError: there is no URL.
    """
    options = _options(settings, "ZAVA_SERVICE_URL", settings.service_url)

    async def connect() -> LentConnection:
        return await asyncpg.connect(**options, connection_class=LentConnection)

    return _pool(connect, settings, 1)


def _pool(connect: Callable[[], Awaitable[C]], settings: Settings, smallest: int) -> Pool[C]:
    return Pool(
        connect,
        smallest=smallest,
        largest=settings.pool_max,
        lifetime=settings.pool_lifetime,
        patience=settings.pool_timeout,
    )


def _options(settings: Settings, variable: str, url: SecretStr | None) -> dict[str, Any]:
    return {
        "dsn": required(variable, url),
        "command_timeout": settings.command_timeout,
        "timeout": settings.connect_timeout,
        "server_settings": {"application_name": settings.application_name}
        if settings.pooler
        else _session(settings) | {"search_path": _SEARCH_PATH},
        # A cache for texts of at most one byte holds nothing; one of size 0 would send every text
        # twice.
        "max_cacheable_statement_size": 1 if settings.pooler else 15_360,
    }


def _session(settings: Settings) -> dict[str, str]:
    """Give the settings of every session but its search path."""
    return {
        "application_name": settings.application_name,
        "statement_timeout": str(round(settings.statement_timeout * 1000)),
        "idle_in_transaction_session_timeout": str(round(settings.command_timeout * 1000) + 5000),
        # How long an idle connection is kept is for its pool to say.
        "idle_session_timeout": "0",
        "work_mem": settings.work_mem,
        # No other is possible on a replica.
        "default_transaction_isolation": "read committed",
        "jit": "off",
        "TimeZone": settings.time_zone,
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        # As names are shown to clients, and compared.
        "quote_all_identifiers": "off",
        # For literals in a text, as for any other value.
        "extra_float_digits": "1",
        # As in the standard, and as every author of a query expects.
        "transform_null_equals": "off",
        "array_nulls": "on",
        # What the guard's lexer assumes.
        "standard_conforming_strings": "on",
        "client_encoding": "UTF8",
        # Ends the work for a client that is gone, even if no cancel request came through.
        "client_connection_check_interval": "1000",
    }


def session_start(settings: Settings) -> str:
    """Give the same as statements of a transaction: PgBouncer refuses them as it connects."""
    texts = {name: value.replace("'", "''") for name, value in _session(settings).items()}
    # The path comes last: until names are quoted as usual, it is kept in quotes.
    usual = "".join(f"SET LOCAL {name} = '{value}';" for name, value in texts.items())
    return f"{usual}SET LOCAL search_path = {_SEARCH_PATH};"


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
