"""The network loses connections and tells nobody, as when a failover moves an address.

What was connected hears nothing for ever, what connects anew is answered.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import mcp_clients
import psycopg
import pytest
import tenants
from network import Network, network
from pydantic import SecretStr
from waiting import until

from zava_sql.agent import Agent
from zava_sql.cache import Cache
from zava_sql.errors import ServiceUnavailable
from zava_sql.health import _row as row
from zava_sql.principals import find_principal
from zava_sql.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import conftest

pytestmark = [pytest.mark.anyio, pytest.mark.once, pytest.mark.long]

COUNT = "select count(*) from retail.orders"


@pytest.fixture(scope="module")
def shops(module_database):
    tenants.fill(module_database)
    return module_database


@asynccontextmanager
async def led_through(
    database: conftest.Database,
) -> AsyncIterator[tuple[Network, dict[str, SecretStr]]]:
    """Give a network, and the settings that lead through it."""
    async with network(f"{database.server.host}:{database.server.port}") as between:
        urls = {"database_url": database.gateway_url, "service_url": database.service_url}
        yield between, {name: SecretStr(between.url(url)) for name, url in urls.items()}


async def ready(url: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        return (await http.get(url.replace("/mcp", "/readyz"))).status_code == 200


async def test_a_look_that_is_given_up_keeps_no_connection_from_others(shops):
    settings = {"command_timeout": 60, "statement_timeout": 60}
    async with (
        led_through(shops) as (between, urls),
        tenants.opened(shops, **settings, **urls) as database,
    ):
        await database.service_rows("select 1")
        between.hush()
        look = asyncio.create_task(row(database.service.lend(), "select 1"))
        await asyncio.sleep(0.1)
        look.cancel()
        async with asyncio.timeout(20):
            assert await database.service_rows("select 1")


async def test_a_look_at_health_ends_in_time_and_the_next_ones_see_it_is_back(shops):
    # One connection may be in use as it falls silent, and is for as long as a command may take.
    settings = {"command_timeout": 60, "statement_timeout": 60, "pool_max": 4}
    async with (
        led_through(shops) as (between, urls),
        tenants.opened(shops, **settings, **urls) as database,
        mcp_clients.serving(database) as url,
    ):
        assert await ready(url)
        between.hush()
        async with asyncio.timeout(30):
            assert not await ready(url)
            while not await ready(url):
                pass


async def test_a_server_ends_while_it_waits_for_an_answer_that_never_comes(shops):
    async with (
        led_through(shops) as (between, urls),
        tenants.opened(shops, command_timeout=60, catalogue_interval=0.1, **urls) as database,
    ):
        async with asyncio.timeout(30) as patience, Toolbox(Agent(database)).running():
            between.hush()
            # It looks whether anything changed, over a connection that is silent.
            await until(lambda: not database.service.get_idle_size())
            # Closing it, asyncpg raises an error of its own in the place of a cancellation.
            await database.service.expire_connections()
        assert not patience.expired()


async def test_no_answer_is_kept_while_changes_cannot_be_heard_of(shops):
    async with (
        led_through(shops) as (between, urls),
        tenants.opened(shops, cache_ttl=60, catalogue_interval=0.2, **urls) as database,
        Cache.open(database) as cache,
    ):
        agent = Agent(database, cache=cache)
        await until(lambda: cache.on)
        seattle = await find_principal(database, "seattle")
        await agent.query(seattle, COUNT)
        epoch = cache.store._epoch  # noqa: SLF001
        between.hush()
        await until(lambda: not cache.on)
        await until(lambda: cache.on)
        assert cache.store._epoch > epoch  # noqa: SLF001
        # What is said is heard again.
        epoch = cache.store._epoch  # noqa: SLF001
        with psycopg.connect(shops.admin_url, autocommit=True) as admin:
            admin.execute("notify zava_data")
        await until(lambda: cache.store._epoch > epoch)  # noqa: SLF001


async def test_one_caller_waits_and_not_one_for_each_connection(shops):
    async with (
        led_through(shops) as (between, urls),
        tenants.opened(
            shops, pool_max=4, command_timeout=1, statement_timeout=1, **urls
        ) as database,
    ):
        await asyncio.gather(*(find_principal(database, "seattle") for _ in range(4)))
        assert database.service.get_size() > 1
        between.hush()
        with pytest.raises(ServiceUnavailable):
            await find_principal(database, "seattle")
        await find_principal(database, "seattle")
