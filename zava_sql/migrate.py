"""Alembic from Python, for the command line and tests: one URL in, errors of ours out.

Synchronous, as alembic is: it runs its own event loop, so call nothing of this inside one, but for
`connect`, which is for env.py.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg
from alembic import command, util
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from zava_sql.ddl import EditedRevisionError, db_path
from zava_sql.errors import ConfigurationError, DatabaseError, ServiceUnavailable, ZavaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["connect", "current", "downgrade", "head", "upgrade"]

LOCK_NOT_AVAILABLE = "55P03"
HOLDERS = """
select distinct l.pid
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c on c.oid = l.relation
where l.granted
    and l.pid <> pg_catalog.pg_backend_pid()
    and l.database = (
        select d.oid from pg_catalog.pg_database as d where d.datname = current_database()
    )
    and c.relnamespace in (
        select n.oid from pg_catalog.pg_namespace as n where n.nspname in ('zava', 'retail', 'api')
    )
order by l.pid
"""


def upgrade(url: str, revision: str = "head", *, sql: bool = False) -> None:
    """Bring a database to a revision; `sql` prints the script instead and needs no database."""
    with _translated(url):
        command.upgrade(_config(url), revision, sql=sql)


def downgrade(url: str, revision: str, *, sql: bool = False) -> None:
    """Take a database back to a revision; with `sql`, `revision` is a range such as `head:base`."""
    with _translated(url):
        command.downgrade(_config(url), revision, sql=sql)


def current(url: str) -> str | None:
    """Ask a database for its revision; None when it has none of ours."""
    with _translated(url):
        return asyncio.run(_current(url))


def head() -> str:
    """Name the newest revision."""
    newest = ScriptDirectory.from_config(_config("")).get_current_head()
    if newest is None:
        raise ConfigurationError("there are no revisions", hint="Install zava-sql again.")
    return newest


def _config(url: str) -> Config:
    config = Config(output_buffer=sys.stdout, attributes={"url": url})
    location = str(db_path() / "migrations").replace("%", "%%")
    config.set_main_option("script_location", location)
    return config


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """Connect with asyncpg's own reading of the URL, which is that of libpq."""
    try:
        return await asyncpg.connect(
            url, timeout=10, server_settings={"application_name": "zava-sql migrations"}
        )
    except ValueError:
        # Without its cause: that may quote a part of the URL, such as the password.
        raise ConfigurationError(
            "ZAVA_ADMIN_URL is not a PostgreSQL URL",
            hint="Use postgresql://user:password@host:5432/database",
        ) from None


async def _current(url: str) -> str | None:
    connection = await connect(url)
    try:
        if await connection.fetchval("select to_regclass('public.alembic_version') is null"):
            return None
        version: str | None = await connection.fetchval(
            "select v.version_num from public.alembic_version as v"
        )
        return version
    finally:
        await connection.close()


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except util.CommandError as error:
        hint = "See: alembic history."
        if isinstance(error, EditedRevisionError):
            hint = "Restore the file, or install zava-sql again; a change needs a new revision."
        raise ConfigurationError(str(error).rstrip("."), hint=hint) from error
    except DBAPIError as error:
        raise _explain(error.orig.__cause__ if error.orig else None, url) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise _explain(error, url) from error


def _explain(error: BaseException | None, url: str) -> ZavaError:
    """Find words for what asyncpg raised."""
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            message, hint = "the database refused the login", "Check user and password in the URL."
            return ConfigurationError(message, hint=hint)
        case asyncpg.InvalidCatalogNameError():
            message, hint = "the database named in the URL does not exist", "Create it first."
            return ConfigurationError(message, hint=hint)
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.AdminShutdownError()
            | asyncpg.CrashShutdownError()
            | asyncpg.CannotConnectNowError()
            | asyncpg.TooManyConnectionsError()
        ):
            message, hint = "the database went away", "Try again when it is back."
            return ServiceUnavailable(message, hint=hint)
        case asyncpg.PostgresError():
            message, hint = error.args[0], error.hint or "Nothing of this revision was applied."
            if isinstance(error, asyncpg.LockNotAvailableError):
                message, hint = f"{message}; nothing of this revision was applied", _who_holds(url)
            elif isinstance(error, asyncpg.InsufficientPrivilegeError) and not error.hint:
                hint = "Migrate as a superuser, or as a database owner with CREATEROLE."
            return DatabaseError(message, sqlstate=error.sqlstate, hint=hint)
    message, hint = (
        "the database cannot be reached",
        "Check that it runs and that the URL is right.",
    )
    return ServiceUnavailable(message, hint=hint)


def _who_holds(url: str) -> str:
    try:
        pids = asyncio.run(_fetch_holders(url))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        pids = []
    who = f"Backend {', '.join(map(str, pids))} holds locks on these tables. " if pids else ""
    return f"{who}Try again when it is done: select * from pg_stat_activity."


async def _fetch_holders(url: str) -> list[int]:
    connection = await connect(url)
    try:
        return [row["pid"] for row in await connection.fetch(HOLDERS)]
    finally:
        await connection.close()
