"""Alembic from Python, for the command line and tests: one URL in, errors of ours out.

Synchronous, as alembic is: it runs its own event loop, so call nothing of this inside one, but for
`connect`, which is for env.py.
"""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from alembic import command, util
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from zava_sql import db_files
from zava_sql.administrator import (
    OF_POOLER,
    ROLE_MISSING,
    ROLE_OF_ANOTHER,
    administer,
    advice,
    no_session,
)
from zava_sql.ddl import EditedRevisionError, frozen
from zava_sql.errors import (
    ConfigurationError,
    DatabaseError,
    ServiceUnavailable,
    ValidationError,
    ZavaError,
)
from zava_sql.urls import connecting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

    from zava_sql.ddl_catalogue import Connection

__all__ = [
    "FAILURES",
    "ask",
    "connect",
    "connected",
    "current",
    "downgrade",
    "explain",
    "head",
    "require_head",
    "revise",
    "revision_of",
    "revisions",
    "run",
    "upgrade",
]

T = TypeVar("T")

# PostgreSQL's phrase for the function it was in; missing privileges occur in none of ours.
THEIRS = re.compile(r"^PL/pgSQL.*? (?!zava\.|zava_run\.|api\.)([\w.\"$]+)\(\)", re.MULTILINE)

# The first PostgreSQL that grants roles with the options that tell tenants apart.
OLDEST = 16

# Exceptions of PostgreSQL and the connection to it; `explain` has words for them.
FAILURES = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
)

UNKNOWN = (
    "See: alembic history. A database that has it is of a newer zava-sql, or of one before 0113"
    " (CHANGELOG.md), or has it of another application: docs/install.md, Beside other applications."
)


def upgrade(url: str, revision: str = "head", *, sql: bool = False) -> None:
    """Bring a database to a revision; `sql` prints the script instead and needs no database."""
    _require_revision(revision, "head", sql=sql)
    with _translated(config := _config(url), offline=sql):
        command.upgrade(config, revision, sql=sql)


def downgrade(url: str, revision: str, *, sql: bool = False) -> None:
    """Take a database back to a revision; with `sql`, `revision` is a range such as `head:base`."""
    _require_revision(revision, "-1 or base", sql=sql)
    with _translated(config := _config(url), offline=sql):
        command.downgrade(config, revision, sql=sql)


def revise(url: str, name: str) -> None:
    """Write a revision of what a database lacks, and print what it changes."""
    if not re.search(r"\w", name):  # alembic would make no name of it
        raise ValidationError(
            f"not a name: {name[:60]!r}", hint="Name the revision, for example add_returns."
        )
    with _translated(config := _config(url)):
        command.revision(config, name, autogenerate=True)


def _require_revision(text: str, example: str, *, sql: bool) -> None:
    """Refuse a range that is none, which alembic would stumble over, or that is no script's."""
    parts = text.split(":")
    if len(parts) > 2 or (len(parts) == 2 and not sql):
        raise ValidationError(
            f"not a revision: {text[:60]!r}",
            hint="A script is of one range, such as 0113:head with --sql; else name one revision.",
        )
    for part in parts:
        # Of -1x alembic would read -1, and go there.
        if not re.fullmatch(r"\w+|\w*[+-]\d+", part):
            raise ValidationError(
                f"not a revision: {part[:60]!r}", hint=f"Name one, for example {example}."
            )


def current(url: str) -> str | None:
    """Ask a database for its revision; None when it has none of ours."""
    return ask(url, revision_of)


def head() -> str:
    """Name the newest revision."""
    newest = ScriptDirectory.from_config(_config("")).get_current_head()
    if newest is None:
        raise ConfigurationError("there are no revisions", hint="Install zava-sql again.")
    return newest


def revisions() -> list[str]:
    """Name all revisions, oldest first."""
    scripts = ScriptDirectory.from_config(_config(""))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def _config(url: str) -> Config:
    frozen(db_files.db_path())  # refuses two revisions of one number, which alembic takes for heads
    config = Config(
        stdout=sys.stdout, output_buffer=sys.stdout, attributes={"url": url, "blockers": {}}
    )
    location = str(db_files.db_path() / "migrations").replace("%", "%%")
    config.set_main_option("script_location", location)
    return config


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """Connect with asyncpg's own reading of the URL, which is nearly that of libpq."""
    with connecting("ZAVA_ADMIN_URL", url):
        connection = await asyncpg.connect(
            url, timeout=10, server_settings={"application_name": "zava-sql migrations"}
        )
    await administer(connection)
    await connection.execute("set search_path = public")  # revisions find extensions' types there
    return connection


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend such a connection."""
    connection = await connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def ask(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something with a connection of the administrator."""

    async def asked() -> T:
        async with connected(url) as connection:
            return await work(connection)

    return run(asked())


def run(work: Coroutine[object, object, T]) -> T:
    """Do something with databases, and translate their errors into ours."""
    try:
        with _translated(_config("")):
            return asyncio.run(work)
    finally:
        work.close()  # not begun where the revisions do not fit


async def revision_of(connection: Connection) -> str | None:
    """Ask for the revision over an open connection."""
    if await connection.fetchval("select to_regclass('public.alembic_version') is null"):
        return None
    version: str | None = await connection.fetchval(
        "select v.version_num from public.alembic_version as v"
    )
    return version


async def require_head(connection: Connection) -> None:
    """Refuse to compare a database with files of another revision."""
    revision = await revision_of(connection)
    if revision is None and await connection.fetchval(
        "select pg_catalog.row_security_active(to_regclass('public.alembic_version')::oid)"
    ):
        raise ConfigurationError(
            "row-level security hides the revision of the database from this login",
            hint="Compare as the owner of public.alembic_version, or give that table a policy.",
        )
    if revision != head():
        known = revision is None or revision in revisions()
        raise ConfigurationError(
            f"the database is at revision {revision or 'none'}, the files are at {head()}",
            hint="Compare after `zava-sql db upgrade`." if known else UNKNOWN,
        )


@contextmanager
def _translated(config: Config, *, offline: bool = False) -> Iterator[None]:
    blockers: dict[int, str] = config.attributes["blockers"]
    try:
        yield
    except util.CommandError as error:
        if isinstance(error.__cause__, ZavaError):
            raise error.__cause__ from error.__cause__.__cause__
        raise ConfigurationError(str(error).rstrip("."), hint=_hint(error)) from error
    except FAILURES as error:
        if offline:  # it is the output that cannot be written
            raise
        raise explain(error, blockers) from error


def _hint(error: util.CommandError) -> str:
    """Say what to do about what alembic refuses."""
    if isinstance(error, EditedRevisionError):
        return "Restore the file, or install zava-sql again; a change needs a new revision."
    if "not up to date" in str(error):
        return "Bring it to the newest revision first: zava-sql db upgrade."
    if "requires <fromrev>:<torev>" in str(error):
        return f"Name both, for example: zava-sql db downgrade {head()}:base --sql."
    return UNKNOWN if "Can't locate revision" in str(error) else "See: alembic history."


def _right(error: asyncpg.PostgresError) -> str:
    """Say which right is missing."""
    message = error.args[0]
    if ROLE_OF_ANOTHER.search(message):
        return advice(error)
    if "create database" in message:
        return "Databases are made for this: the login needs CREATEDB."
    if message.endswith(" schema public"):
        return (
            "Types of extensions are looked up there by zava_owner: grant usage on schema public to"
            " public. See docs/install.md, Beside other applications."
        )
    if theirs := THEIRS.search(error.context or ""):
        return (
            f"{theirs[1]}() is none of zava_sql's: an event trigger may call it, as zava_owner."
            " Grant zava_owner what it needs, or make it SECURITY DEFINER with a search_path."
        )
    return (
        "Migrate as a superuser, or as a database owner with CREATEROLE."
        " A revision runs as zava_owner below its `set local role`."
    )


def explain(error: BaseException | None, blockers: dict[int, str]) -> ZavaError:
    """Find words for one of FAILURES."""
    if isinstance(error, DBAPIError):
        error = error.orig.__cause__ if error.orig else None
    if isinstance(error, OSError) and error.filename:
        message = f"{error.filename}: {error.strerror}"
        return ConfigurationError(message, hint="Nothing was written.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return ConfigurationError(
            "the database named in the URL does not exist", hint="Create it first."
        )
    if isinstance(error, GONE):
        return ServiceUnavailable("the database went away", hint="Try again when it is back.")
    if isinstance(error, asyncpg.PostgresError):
        return _refused(error, blockers)
    message, hint = (
        "the database cannot be reached",
        "Check that it runs and that the URL is right.",
    )
    return ServiceUnavailable(message, hint=hint)


def _refused(error: asyncpg.PostgresError, blockers: dict[int, str]) -> ZavaError:
    """Say what PostgreSQL said, in its first line: the rest quotes the text from there on."""
    if isinstance(error, OF_POOLER):
        return no_session()
    place = getattr(error, "__notes__", ())  # where in a revision that was, if it was in one
    message = ": ".join([*place, error.args[0].partition("\n")[0]])
    hint = error.hint or ("Nothing of this revision was applied." if place else advice(error))
    if isinstance(error, asyncpg.LockNotAvailableError):
        message += "; nothing of this revision was applied" if place else ""
        who = ", ".join(blockers.values()) or "Another transaction"
        hint = f"{who} holds locks on these tables. Try again when it is done."
    elif isinstance(error, asyncpg.ReadOnlySQLTransactionError) or ROLE_MISSING.search(
        error.args[0]
    ):
        hint = advice(error)
    elif isinstance(error, asyncpg.DependentObjectsStillExistError):
        # Not PostgreSQL's own hint: CASCADE would take the fences of tables of one's own along.
        found = "; ".join((error.detail or "").splitlines()[:3])
        hint = f"Take it away first, and make it again afterwards: {found}"
    elif isinstance(error, asyncpg.InsufficientPrivilegeError) and not error.hint:
        hint = _right(error)
    return DatabaseError(message, sqlstate=error.sqlstate, hint=hint)
