"""The embedded server as a complete installation: database, schema, logins, key, hardening."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import SecretStr

from zava_sql.connections import connect
from zava_sql.context import ContextKey
from zava_sql.errors import ConfigurationError, ServiceUnavailable, ValidationError
from zava_sql.local_postgres import LocalPostgres
from zava_sql.private_files import locked, read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zava_sql.settings import Settings

__all__ = ["resolve", "server", "up", "url"]

DATABASE = "zava"
_LOGINS = ("zava_gateway", "zava_service")


def server(settings: Settings) -> LocalPostgres:
    """Give the embedded server of these settings, running or not."""
    return LocalPostgres(settings.home)


def resolve(settings: Settings) -> Settings:
    """Fill what is not set with the embedded server's URLs and key, when no URL is set at all.

    Raises:
        ServiceUnavailable: no URL is set and the embedded server does not run.
    """
    if settings.database_url or settings.service_url or settings.admin_url:
        return settings
    postgres = server(settings)
    if not postgres.status().running:
        raise ServiceUnavailable(
            "no database: no URL is set and the embedded server is not running",
            hint="Start it with `zava-sql db up`, or set ZAVA_DATABASE_URL.",
        )
    key = settings.context_key or _stored_key(settings)
    return settings.model_copy(
        update={
            "admin_url": SecretStr(postgres.url(dbname=DATABASE)),
            "database_url": SecretStr(postgres.url("zava_gateway", DATABASE)),
            "service_url": SecretStr(postgres.url("zava_service", DATABASE)),
            "context_key": SecretStr(str(key)) if isinstance(key, ContextKey) else key,
        }
    )


def url(settings: Settings, login: str) -> str:
    """Say how to connect as a login that has its password here.

    Raises:
        ValidationError: it has none.
        ServiceUnavailable: the server does not run.
    """
    logins = ("postgres", *_LOGINS)
    if login not in logins:
        raise ValidationError(
            f"the embedded server has no login {login[:60]!r}",
            hint=f"Choose from: {', '.join(logins)}.",
        )
    postgres = server(settings)
    if not postgres.status().running:
        raise ServiceUnavailable(
            "the embedded server is not running", hint="Start it with `zava-sql db up`."
        )
    return postgres.url(login, DATABASE)


def up(settings: Settings, report: Callable[[str], None]) -> None:
    """Start the embedded server and bring its database to the newest revision; can be repeated."""
    from zava_sql import migrate  # noqa: PLC0415 - alembic is slow to import

    postgres = server(settings)
    report("starting PostgreSQL")
    postgres.start()
    # Of its own: the server's lock is wanted for each password.
    with locked(postgres.home / "up.lock"):
        report("preparing the database")
        asyncio.run(_create_database(postgres))
        report("applying migrations")
        migrate.upgrade(postgres.url(dbname=DATABASE))
        report("setting up logins, key and hardening")
        asyncio.run(_complete(postgres, _context_key(settings)))


def _key_file(settings: Settings) -> Path:
    return settings.home / "context.key"


async def _create_database(postgres: LocalPostgres) -> None:
    async with connect(SecretStr(postgres.url(dbname="postgres"))) as connection:
        exists = await connection.fetchval(
            "select exists (select from pg_catalog.pg_database as d where d.datname = $1)", DATABASE
        )
        if not exists:
            await connection.execute(f"create database {DATABASE}")


def _context_key(settings: Settings) -> ContextKey:
    """Read the key, or make it on the first run."""
    key = _stored_key(settings)
    if key is None:
        key = ContextKey.generate()
        write_private(_key_file(settings), str(key))
    return key


def _stored_key(settings: Settings) -> ContextKey | None:
    path = _key_file(settings)
    try:
        text = read_private(path).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    try:
        return ContextKey.parse(text)
    except ConfigurationError:
        raise ConfigurationError(
            f"{path} is damaged", hint="Remove it: `zava-sql db up` makes a new one."
        ) from None


async def _complete(postgres: LocalPostgres, key: ContextKey) -> None:
    async with connect(SecretStr(postgres.url(dbname=DATABASE))) as connection:
        for login in _LOGINS:
            # URL-safe by construction, so that it needs no quoting.
            await connection.execute(
                f"alter role {login} login password '{postgres.password(login)}'"
            )
        known = await connection.fetchval(
            "select zava.knows_signing_key($1, $2)", key.kid, key.fingerprint()
        )
        if not known:
            await connection.execute(
                "select zava.create_signing_key($1, $2, $3)", key.kid, *key.pads()
            )
        await connection.execute("select zava.harden()")
