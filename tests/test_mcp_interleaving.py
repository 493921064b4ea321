"""Eight tenants at once over HTTP, in both eras and forms of answer, while clients hang up: every
row is the caller's, none is missing, and no connection is lost.

    ZAVA_INTERLEAVING=10000 pytest tests/test_mcp_interleaving.py
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest
from mcp_clients import fill, is_whole, serving, settings_for, wire_request
from tenants import STORES

from zava_sql.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.once]

CALLS = int(os.environ.get("ZAVA_INTERLEAVING", "400"))
CLIENTS = 16
HANG_UP = 0.05
ERAS = ("2026-07-28", "2025-11-25")
SQL = (
    "select s.store_key, count(*) as n, min(o.total_amount) as low, max(o.total_amount) as high"
    " from retail.stores as s join retail.orders as o on o.store_id = s.store_id group by 1"
)
# A second's work: who hangs up within a tenth of one mostly leaves it running.
LONGER = "select count(*) from retail.orders as a, retail.orders as b, retail.orders as c"


class Client:
    """Calls as tenants chosen by chance, over one connection as long as it lasts."""

    def __init__(self, url: str, keys: dict[str, str], seed: int, tally: Counter[str]) -> None:
        self.url, self.keys, self.tally = url, keys, tally
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.writer: asyncio.StreamWriter | None = None

    async def call(self) -> None:
        store = self.chance.choice(STORES)
        leaves = self.chance.random() < HANG_UP
        request = wire_request(
            self.url,
            self.keys[store],
            LONGER if leaves else SQL,
            era=self.chance.choice(ERAS),
            progress=self.chance.random() < 0.3,
        )
        if self.writer is None:
            parts = urlsplit(self.url)
            self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        self.writer.write(request)
        if leaves:
            # From before the query begins until after its answer.
            await asyncio.sleep(self.chance.random() * 0.1)
            self.close()
            self.tally["left"] += 1
            return
        answer = await asyncio.wait_for(self.answer(), 60)
        number = 200 + STORES.index(store) + 1
        rows = f'"text":"store_key:text,n:int8,low:numeric,high:numeric\\n{store},{number},'
        right = f"{rows}1.00,{number}.00".replace("\n", "\\n") + '"'
        strangers = [other for other in STORES if other != store and other.encode() in answer]
        if right.encode() in answer and not strangers:
            self.tally["answered"] += 1
        else:
            self.tally[f"{store}: {answer!r}"] += 1

    async def answer(self) -> bytes:
        data = b""
        while not is_whole(data):
            part = await self.reader.read(65536)
            if not part:
                return data + b" cut"
            data += part
        return data

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


async def test_calls_of_eight_tenants_do_not_mix_while_clients_hang_up(database):
    keys = fill(database.admin_url)
    tally: Counter[str] = Counter()
    async with (
        Database.open(settings_for(database, pool_max=4, pool_timeout=60)) as opened,
        serving(opened) as url,
    ):
        clients = [Client(url, keys, seed, tally) for seed in range(CLIENTS)]
        left = iter(range(CALLS))

        async def work(client: Client) -> None:
            for _ in left:
                await client.call()
            client.close()

        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(work(client))
        assert set(tally) == {"answered", "left"}, tally
        assert tally.total() == CALLS
        await idle(database, opened)
    assert tally["left"] > CALLS * HANG_UP / 4


async def idle(database, opened) -> None:
    """Wait until nothing of what was left runs on, and every connection is back."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin, anyio.fail_after(10):
        while True:
            busy = admin.execute(
                "select count(*) from pg_stat_activity where usename = 'zava_gateway'"
                " and datname = current_database() and state <> 'idle'"
            ).fetchone()[0]
            pool = opened.gateway
            if busy == 0 and pool.get_size() == pool.get_idle_size():
                return
            await asyncio.sleep(0.02)
