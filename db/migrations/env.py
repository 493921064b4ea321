"""Alembic's entry: asyncpg only, one transaction a revision, offline without a database."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from alembic import context, util
from sqlalchemy import MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from zava_sql.ddl_alembic import PLUGIN, write_revision
from zava_sql.ddl_locks import patiently, watching
from zava_sql.errors import ConfigurationError
from zava_sql.migrate import connect  # its imports also register op.sql_file

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
    """Apply over an open connection, one process at a time; the lock ends with the connection."""
    connection.exec_driver_sql(f"select pg_catalog.pg_advisory_lock({LOCK})")
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
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
    # Servers look at once which functions are tools now; without it they do so within seconds.
    connection.exec_driver_sql("notify zava_catalogue")
    connection.commit()


async def run_online() -> None:
    """Connect as the administrator and apply."""
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
                raw = await connection.get_raw_connection()
                async with watching(reach, raw.driver_connection.get_server_pid(), blockers):
                    await connection.run_sync(run)
        finally:
            await engine.dispose()

    blockers = context.config.attributes.setdefault("blockers", {})
    await patiently(work, blockers, lambda line: sys.stderr.write(f"{line}\n"))


if context.is_offline_mode():
    context.configure(dialect_name="postgresql+asyncpg", **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_online())
