"""Waiting for locks with an end: who is in the way is seen while it is in the way."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["patiently", "turn", "watching"]

TRIES: Final = 3
PAUSE: Final = 1.0
LOOK: Final = 0.25

_BACKEND = """
format(
    'backend %s (%s)', a.pid,
    concat_ws(
        ', ', a.usename, nullif(a.application_name, ''), a.state,
        date_trunc('second', now() - a.xact_start) || ' in its transaction'
    )
)
"""
_BLOCKERS = f"""
select a.pid, {_BACKEND} as description
from unnest(pg_catalog.pg_blocking_pids($1)) as b (pid)
join pg_catalog.pg_stat_activity as a on a.pid = b.pid
"""
_HOLDER = f"""
select {_BACKEND}
from pg_catalog.pg_locks as l
join pg_catalog.pg_database as d on d.oid = l.database and d.datname = current_database()
join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.classid = 0 and l.objid::bigint = $1
"""


async def patiently(
    work: Callable[[dict[int, str]], Awaitable[None]],
    blockers: dict[int, str],
    report: Callable[[str], None],
) -> None:
    """Do what may meet a lock timeout; try again a few times, and say who was in the way."""
    for left in reversed(range(TRIES)):
        blockers.clear()
        try:
            await work(blockers)
        except asyncpg.LockNotAvailableError:
            if not left:
                raise
            names = ", ".join(blockers.values()) or "a backend that is gone"
            report(f"waited for {names}; tries left: {left}")
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
        else:
            return


async def turn(
    connection: asyncpg.Connection[asyncpg.Record], lock: int, report: Callable[[str], None]
) -> None:
    """Wait until nobody else has this advisory lock, and say once who has it.

    There is no transaction between two looks: one that waits would hold up an index that the
    other builds concurrently, and be waited for by it.
    """
    told = False
    while not await connection.fetchval("select pg_catalog.pg_try_advisory_lock($1)", lock):
        who = None if told else await connection.fetchval(_HOLDER, lock)
        if who:
            report(f"another one migrates, or left its lock: waiting for {who}")
            told = True
        await asyncio.sleep(LOOK)


@asynccontextmanager
async def watching(
    connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]],
    pid: int,
    blockers: dict[int, str],
) -> AsyncIterator[None]:
    """Look again and again, over a connection of its own, whom a backend waits for."""
    connection = await connect()  # before there is anything to see

    async def look() -> None:
        while True:
            for row in await connection.fetch(_BLOCKERS, pid):
                blockers[row["pid"]] = row["description"]
            await asyncio.sleep(LOOK)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(
            asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError
        ):
            await task
        await connection.close()
