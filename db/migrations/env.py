"""Alembic's entry: asyncpg only, one transaction a revision, offline without a database."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import context, util
from sqlalchemy import MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from zava_sql.ddl import frozen
from zava_sql.ddl_alembic import PLUGIN, write_revision
from zava_sql.ddl_locks import patiently, turn, watching
from zava_sql.errors import ConfigurationError, ZavaError
from zava_sql.migrate import FAILURES, OLDEST, connect, explain  # also registers op.sql_file
from zava_sql.render import visible

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK = 0x7A617661  # "zava"
OPTIONS = {
    "transaction_per_migration": True,
    "version_table_schema": "public",
    "target_metadata": MetaData(),
    "autogenerate_plugins": [PLUGIN],
    "process_revision_directives": write_revision,
}


def run(connection: Connection) -> None:
    """Apply over an open connection."""
    elsewhere = connection.exec_driver_sql(
        "select n.nspname from pg_catalog.pg_extension as e"
        " join pg_catalog.pg_namespace as n on n.oid = e.extnamespace"
        " where e.extname in ('vector', 'pg_trgm') and n.nspname <> 'public'"
    ).scalar()
    connection.commit()
    if elsewhere:
        raise util.CommandError("an extension is not in schema public") from ConfigurationError(
            f"the extensions vector and pg_trgm have to be in schema public, not {elsewhere}",
            hint="As their owner: alter extension vector set schema public; pg_trgm likewise.",
        )
    applied: list[object] = []
    context.configure(
        connection=connection,
        on_version_apply=lambda *, step, **_: applied.append(step),
        **OPTIONS,
    )
    with context.begin_transaction():
        context.run_migrations()
    if applied:
        # Servers look at once which functions are tools now; without it they do so within seconds.
        connection.exec_driver_sql("notify zava_catalogue")
        connection.commit()


async def run_online() -> None:
    """Connect as the administrator and apply, one process at a time.

    The lock ends with the connection.
    """
    url = context.config.attributes.get("url") or os.environ.get("ZAVA_ADMIN_URL", "")
    if not url:
        raise util.CommandError("Set ZAVA_ADMIN_URL, or use --sql, which needs no database.")
    reach = partial(connect, url)

    async def work(blockers: dict[int, str]) -> None:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=reach, poolclass=pool.NullPool
        )
        try:
            async with engine.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                refuse(raw.get_server_version().major, raw.get_settings().server_encoding)
                await turn(raw, LOCK, say)
                async with watching(reach, raw.get_server_pid(), blockers):
                    await connection.run_sync(run)
        finally:
            await engine.dispose()

    await patiently(work, blockers, say)


def refuse(major: int, encoding: str) -> None:
    """Stop before the first revision, and not half-way at one that cannot be done there."""
    if major < OLDEST:
        told = ConfigurationError(
            f"PostgreSQL {major} is too old", hint=f"It takes PostgreSQL {OLDEST} or newer."
        )
    elif encoding != "UTF8":
        told = ConfigurationError(
            f"the database has encoding {encoding}, it needs UTF8",
            hint="Make it anew, and restore a dump if it holds data:"
            " createdb -T template0 -E UTF8 --locale C.UTF-8 …",
        )
    else:
        return
    raise util.CommandError(f"{told.message}. {told.hint}") from told


def say(line: str) -> None:
    """Tell a person who waits."""
    sys.stderr.write(f"{visible(line)}\n")


blockers: dict[int, str] = context.config.attributes.setdefault("blockers", {})
try:
    frozen(Path(context.script.dir).parent)  # refuses two revisions of one number
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql+asyncpg", **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
    else:
        asyncio.run(run_online())
except ZavaError as error:
    raise util.CommandError(visible(f"{error.message}. {error.hint}")) from error
except FAILURES as error:
    if context.is_offline_mode():  # it is the output that cannot be written
        raise
    told = explain(error, blockers)
    told.__cause__ = error
    raise util.CommandError(visible(f"{told.message}. {told.hint}")) from told
