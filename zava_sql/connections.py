"""Single connections, and the errors when one cannot be had or is lost."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from zava_sql.administrator import administer
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable
from zava_sql.settings import required
from zava_sql.urls import WRONG_URL, connecting, login_advice, wrong_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

__all__ = [
    "CONNECTION_ERRORS",
    "PROBE",
    "connect",
    "translated_connection_errors",
]

CONNECTION_ERRORS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)

# Seconds for a sign of life, and to close in good order: a dead peer would take for ever.
PROBE = 2.0


@asynccontextmanager
async def translated_connection_errors() -> AsyncIterator[None]:
    """Turn what drivers raise on a lost or refused connection into errors of ours."""
    try:
        yield
    except WRONG_URL as error:
        raise wrong_url("one of the URLs", error) from None
    except asyncpg.ProtocolViolationError as error:
        raise _refused_by_pooler(error) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(
            "the database refused the login", hint=login_advice(error)
        ) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise ConfigurationError(
            "the database named in the URL does not exist",
            hint="Create it, or start the embedded server: zava-sql db up",
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        hint = error.hint or "Log in as a role that may do this."
        if "CONNECT" in (error.detail or ""):
            hint = (
                "As administrator: select zava.secure_database() lets zava_gateway and"
                " zava_service connect; grant CONNECT to any other login of the URLs."
            )
        raise DatabaseError(
            error.message or "permission denied", sqlstate=error.sqlstate, hint=hint
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


def _refused_by_pooler(error: asyncpg.ProtocolViolationError) -> ConfigurationError:
    """Tell settings from the rest: PgBouncer has one code for all that it refuses."""
    if "startup parameter" in (error.message or ""):
        return ConfigurationError(
            "a pooler refuses the settings of a session",
            hint="PgBouncer needs ZAVA_POOLER=transaction, in session mode too.",
        )
    return ConfigurationError(
        "the pooler refused the connection",
        hint="Check user, password and database in the URL, and the pooler's own list of users"
        " and limits.",
    )


@asynccontextmanager
async def connect(
    url: SecretStr | None, *, variable: str = "ZAVA_ADMIN_URL"
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend one connection: of the administrator, in a session as its work needs it, or another's.

    Raises:
        ConfigurationError: there is no URL, or it is wrong.
        ServiceUnavailable: the database cannot be reached.
    """
    address = required(variable, url)
    async with translated_connection_errors():
        with connecting(variable, address):
            # The other logins may go through a pooler: what is kept by name there, others would
            # meet.
            kept = 100 if variable == "ZAVA_ADMIN_URL" else 0
            connection = await asyncpg.connect(address, timeout=10, statement_cache_size=kept)
        if variable == "ZAVA_ADMIN_URL":
            await administer(connection)
    try:
        yield connection
    finally:
        with suppress(TimeoutError):
            await connection.close(timeout=PROBE)
