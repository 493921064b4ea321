"""Eight tenants at once over four connections, while statements time out, callers give up and
backends are killed: every row is the caller's, none is missing, and no connection is lost.

    ZAVA_INTERLEAVING=10000 pytest tests/test_interleaving.py
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import tenants

from zava_sql.agent import fetch
from zava_sql.errors import QueryTimeout, ZavaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest

    from zava_sql.database import Database
    from zava_sql.principals import Principal

pytestmark = pytest.mark.anyio

REQUESTS = int(os.environ.get("ZAVA_INTERLEAVING", "2000"))
POOL = 4
TIMED_OUT, CANCELLED = 0.01, 0.04
SECONDS_BETWEEN_KILLS = 0.3

QUERIES = {
    "everything": tenants.OWN_ROWS,
    "customers": (
        "select 'customers', store_id::text, count(*) from retail.customers group by store_id"
    ),
    "joined": (
        "select 'orders', o.store_id::text, count(distinct o.order_id) from retail.orders as o"
        " join retail.order_items as i on i.store_id = o.store_id and i.order_id = o.order_id"
        " join retail.customers as c on c.store_id = o.store_id and c.customer_id = o.customer_id"
        " group by o.store_id"
    ),
    "materialized": (
        "with o as materialized (select store_id from retail.order_items)"
        " select 'order_items', store_id::text, count(*) from o group by store_id"
    ),
}


@dataclass
class Run:
    """What came of the requests; a wrong answer is kept whole."""

    database: Database
    people: dict[str, Principal]
    truth: tenants.Truth
    chance: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    async def request(self, number: int) -> None:
        store = self.chance.choice(tenants.STORES)
        name = self.chance.choice(list(QUERIES))
        fate = self.chance.random()
        if fate < TIMED_OUT:
            query = fetch(self.database, self.people[store], tenants.SLOW, 1000)
        else:
            query = fetch(self.database, self.people[store], QUERIES[name], 1000)
        task = asyncio.create_task(query)
        if TIMED_OUT <= fate < TIMED_OUT + CANCELLED:
            # From before the connection is there until after the answer is.
            await asyncio.sleep(self.chance.random() * 0.03)
            task.cancel()
        try:
            answer = await task
        except asyncio.CancelledError:
            self.outcomes["cancelled"] += 1
        except QueryTimeout:
            self.outcomes["timed out"] += 1
        except ZavaError as error:
            self.outcomes[error.code] += 1
            self.unexpected.extend([repr(error)] if error.code != "SERVICE_UNAVAILABLE" else [])
        except Exception as error:  # noqa: BLE001 - anything but ours is a defect to be shown
            self.unexpected.append(repr(error))
        else:
            self.outcomes["answered"] += 1
            expected = self.truth.of(store)
            if name != "everything":
                table = {"joined": "orders", "materialized": "order_items"}.get(name, name)
                expected = {row for row in expected if row[0] == table}
            if set(answer.rows) != expected or len(answer.rows) != len(expected):
                self.wrong.append(f"request {number}, {name} as {store}: {answer.rows}")


async def kill_at_random(
    admin: asyncpg.Connection, chance: random.Random, killed: list[int]
) -> None:
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_KILLS)
        pids = await admin.fetch(
            "select a.pid from pg_stat_activity as a"
            " where a.usename = 'zava_gateway' and a.datname = current_database()"
        )
        if pids:
            victim = chance.choice(pids)["pid"]
            await admin.fetchval("select pg_terminate_backend($1)", victim)
            killed.append(victim)


@contextlib.contextmanager
def deaf_to_the_driver() -> Iterator[None]:
    """Do not fail for a future that asyncpg abandons when a caller gives up while it connects.

    Its exception is that the half-open connection was lost, as was meant. Nothing else is let by.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if type(error) is ConnectionError and "unexpected connection_lost" in str(error):
            return
        (before or asyncio.BaseEventLoop.default_exception_handler)(loop, context)

    loop.set_exception_handler(handle)
    try:
        yield
        gc.collect()
    finally:
        loop.set_exception_handler(before)


async def backends(admin: asyncpg.Connection) -> int:
    return await admin.fetchval(
        "select count(*) from pg_stat_activity as a"
        " where a.usename = 'zava_gateway' and a.datname = current_database()"
    )


async def test_interleaved_tenants_get_their_own_rows_and_all_of_them(
    each_database: conftest.Database,
) -> None:
    truth = tenants.fill(each_database)
    admin = await asyncpg.connect(each_database.admin_url)
    with deaf_to_the_driver():
        await interleave(each_database, truth, admin)
    deadline = time.monotonic() + 20
    while await backends(admin):
        assert time.monotonic() < deadline, "backends outlive their pool"
        await asyncio.sleep(0.05)
    await admin.close()


async def interleave(
    copy: conftest.Database, truth: tenants.Truth, admin: asyncpg.Connection
) -> None:
    chance = random.Random(4711)  # noqa: S311 - to be repeated, not to be secret
    options = {"pool_max": POOL, "pool_min": 2, "pool_timeout": 60.0, "statement_timeout": 0.4}
    async with tenants.opened(copy, **options) as database:
        run = Run(database, await tenants.principals(database), truth, chance)
        numbers = iter(range(REQUESTS))
        killed: list[int] = []
        killer = asyncio.create_task(kill_at_random(admin, random.Random(42), killed))  # noqa: S311

        async def work() -> None:
            for number in numbers:
                await run.request(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(2 * POOL):
                group.create_task(work())
        killer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await killer

        assert run.wrong == []
        assert run.unexpected == []
        assert sum(run.outcomes.values()) == REQUESTS
        # Or nothing was proved: each kind of end was met, and most requests were answered.
        assert run.outcomes["timed out"], run.outcomes
        assert run.outcomes["cancelled"], run.outcomes
        assert killed
        assert run.outcomes["answered"] > 0.85 * REQUESTS, run.outcomes

        await assert_pool_is_whole(database, run, admin)


async def assert_pool_is_whole(database: Database, run: Run, admin: asyncpg.Connection) -> None:
    """Hold as many connections as the pool has at once, use each, and find no stray one."""
    for _ in range(POOL):  # those that were killed while idle are noticed when they are used
        with contextlib.suppress(ZavaError):
            await tenants.own_rows(database, run.people["seattle"])
    async with asyncio.timeout(30), contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(database.gateway.lend()) for _ in range(POOL)]
        pids = {connection.get_server_pid() for connection in held}
        assert len(pids) == POOL
    answers = await asyncio.gather(
        *(tenants.own_rows(database, run.people[store]) for store in tenants.STORES)
    )
    assert answers == [run.truth.of(store) for store in tenants.STORES]
    deadline = time.monotonic() + 20
    while await backends(admin) > POOL:
        assert time.monotonic() < deadline, "backends that belong to no pool"
        await asyncio.sleep(0.05)
    assert database.gateway.get_size() <= POOL
