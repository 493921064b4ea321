"""The answer cache: no answer outlives the access, the data or the identity it was made with."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import socket
import subprocess
from array import array
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import tenants
from mcp import Client
from network import network
from pydantic import SecretStr
from waiting import until

from zava_sql import agent as agent_module
from zava_sql import guard as guard_package
from zava_sql.agent import Agent
from zava_sql.cache import NEVER_KEPT, Cache, MemoryStore, is_kept
from zava_sql.cache_redis import RedisStore
from zava_sql.errors import AuthorizationError, ConfigurationError, DatabaseError, ZavaError
from zava_sql.function_catalogue import FunctionCatalogue
from zava_sql.guard import Checked, Guard
from zava_sql.mcp_tools import create_server
from zava_sql.principals import find_principal
from zava_sql.result import Column, Result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import conftest

    from zava_sql.principals import Principal

pytestmark = [pytest.mark.anyio, pytest.mark.once]

FUNCTIONS = Path(guard_package.__file__).parent / "functions.txt"
COUNT = "select count(*) from retail.orders"


@pytest.fixture(scope="module")
def truth(module_database: conftest.Database) -> tenants.Truth:
    return tenants.fill(module_database)


@pytest.fixture
def admin(module_database: conftest.Database, truth: Any) -> Iterator[psycopg.Connection]:  # noqa: ARG001
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        yield connection


class Runs:
    """Counts the queries that reach PostgreSQL; they do reach it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        real = agent_module.fetch

        async def counted(
            database: Any, principal: Any, sql: str, *rest: Any, **options: Any
        ) -> Result:
            self.texts.append(sql)
            return await real(database, principal, sql, *rest, **options)

        monkeypatch.setattr(agent_module, "fetch", counted)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


class NoGuard(Guard):
    """Lets everything through as it is."""

    def check(self, sql: str, whose: object = None) -> Checked:  # noqa: ARG002
        return Checked(sql, array("H"))


@asynccontextmanager
async def caching(
    database: conftest.Database, guard: Guard | None = None, **changes: Any
) -> AsyncIterator[Agent]:
    given = {"cache_ttl": 60, "pool_max": 4, "catalogue_interval": 0.5, **changes}
    async with tenants.opened(database, **given) as opened, Cache.open(opened) as cache:
        await until(lambda: cache.on)
        agent = Agent(opened, cache=cache)
        agent.guard = guard or agent.guard
        yield agent


async def who(agent: Agent, name: str = "seattle") -> Principal:
    return await find_principal(agent.database, name)


async def value(agent: Agent, principal: Principal, sql: str = COUNT) -> Any:
    return (await agent.query(principal, sql)).rows[0][0]


async def test_an_answer_is_kept_for_the_same_question_of_the_same_principal(
    module_database, truth, runs
):
    async with caching(module_database) as agent:
        seattle, deputy = await who(agent), await who(agent, "seattle-deputy")
        first = await agent.query(seattle, COUNT)
        rows = list(first.rows)
        first.rows.clear()  # what a caller does to its rows is not seen by the next
        again = await agent.query(seattle, f"{COUNT.upper()} -- asked otherwise".lower())
        assert list(again.rows) == rows
        assert (len(runs.texts), agent.cache.hits) == (1, 1)
        await agent.query(seattle, COUNT, max_rows=5)  # another limit is another answer
        await agent.query(deputy, COUNT)  # of the same store, and still another
        await agent.query(seattle, f"{COUNT} where true")
        assert (len(runs.texts), agent.cache.hits) == (4, 1)
        for sql in (
            "select random()",
            "select now()",
            "select array_shuffle('{1,2}'::int[])",
            "select date 'today'",
        ):
            await agent.query(seattle, sql)
            await agent.query(seattle, sql)
        assert (len(runs.texts), agent.cache.hits) == (12, 1)
        assert truth.rows["orders", tenants.store_id("seattle")] == rows[0][0]


@pytest.mark.parametrize("guarded", [True, False], ids=["guard", "no guard"])
async def test_eight_tenants_ask_the_same_and_never_get_each_others_answer(
    module_database, truth, admin, guarded
):
    guard = None if guarded else NoGuard()
    async with caching(module_database, guard, cache_bytes=200_000) as agent:
        names = (*tenants.STORES, "south-sound", "seattle-deputy")
        people = {name: await who(agent, name) for name in names}
        stores = {"south-sound": tenants.REGION, "seattle-deputy": ("seattle",)}
        texts = [tenants.OWN_ROWS, f"select * from ({tenants.OWN_ROWS}) as x", COUNT]
        rng = random.Random(7)  # noqa: S311 - no secret

        async def client() -> None:
            for _ in range(60):
                name, sql = rng.choice(names), rng.choice(texts)
                rows = (await agent.query(people[name], sql)).rows
                seen = stores.get(name, (name,))
                if sql == COUNT:
                    orders = sum(truth.rows["orders", tenants.store_id(s)] for s in seen)
                    assert list(rows) == [(orders,)], name
                else:
                    assert set(rows) == truth.of(*seen), name

        async def disturb() -> None:
            for channel in itertools.islice(itertools.cycle(["zava_data", "zava_access"]), 20):
                await asyncio.sleep(0.02)
                admin.execute(f"notify {channel}")

        await asyncio.gather(disturb(), *(client() for _ in range(6)))
        assert agent.cache.hits > 20


# What an administrator does, and what takes it back; SEATTLE's count before is 27.
CHANGES = {
    "stores taken away": (
        "delete from zava.principal_stores where principal_id = {id}",
        "insert into zava.principal_stores (principal_id, store_id) values ({id}, {store})",
    ),
    "disabled": (
        "select zava.disable_principal('seattle')",
        "select zava.enable_principal('seattle')",
    ),
    "signing key retired": (
        "select zava.retire_signing_key('test')",
        "update zava.signing_keys set not_after = 'infinity'",
    ),
    "grant revoked": (
        "revoke select on retail.orders from store_manager",
        "grant select on retail.orders to store_manager",
    ),
    "policy replaced": (
        "alter policy orders_store_manager_select on retail.orders using (false)",
        "alter policy orders_store_manager_select on retail.orders using (true)",
    ),
    "schema closed": (
        "revoke usage on schema retail from store_manager",
        "grant usage on schema retail to store_manager",
    ),
}


@pytest.mark.parametrize("told", [True, False], ids=["notified", "deaf"])
@pytest.mark.parametrize("change", CHANGES)
async def test_no_answer_outlives_the_access_it_was_made_with(
    module_database, admin, monkeypatch, change, told
):
    if not told:
        monkeypatch.setattr(Cache, "_heard", lambda *_: None)
    async with caching(module_database) if told else deaf(module_database) as agent:
        seattle = await who(agent)
        before = await value(agent, seattle)
        assert await value(agent, seattle) == before == 27
        hits = agent.cache.hits
        assert hits == 1
        do, undo = (
            text.format(id=f"'{seattle.principal_id}'", store=f"'{tenants.store_id('seattle')}'")
            for text in CHANGES[change]
        )
        # In a thread: it waits for a transaction that this one is about to end.
        await asyncio.to_thread(admin.execute, do)
        try:
            try:
                after = await value(agent, seattle)
            except ZavaError:
                after = 0
            assert after == 0
            assert agent.cache.hits == hits
        finally:
            await asyncio.to_thread(admin.execute, undo)
        if told:
            await until(lambda: agent.cache.on)
        assert await value(agent, seattle) == 27
        assert agent.cache.hits == hits, "what is given back finds no old answer"


@asynccontextmanager
async def deaf(database: conftest.Database, guard: Guard | None = None) -> AsyncIterator[Agent]:
    """Keep answers and hear nothing: only what is looked up with every call protects."""
    async with tenants.opened(database, cache_ttl=60, pool_max=4) as opened:
        agent = Agent(opened, cache=Cache(opened, MemoryStore(60, 1_000_000), on=True))
        agent.guard = guard or agent.guard
        yield agent


FILE_FDW = "select 1 from pg_available_extensions where name = 'file_fdw'"
# What an administrator has put there and given, how it is taken back, and what a tenant asks of it.
BESIDES = {
    "materialized view": (
        ["create materialized view {it} as select 1 as a", "grant select on {it} to store_manager"],
        "revoke select on {it} from store_manager",
        "drop materialized view {it}",
    ),
    "foreign table": (
        [
            "create extension file_fdw",
            "create server besides foreign data wrapper file_fdw",
            "create foreign table {it} (a text) server besides options (program 'echo 1')",
            "grant select on {it} to store_manager",
        ],
        "revoke select on {it} from store_manager",
        "drop extension file_fdw cascade",
    ),
    "partition": (
        [
            "create table retail.whole (a integer) partition by list (a)",
            "create table {it} partition of retail.whole default",
            "grant select on {it} to store_manager",
        ],
        "revoke select on {it} from store_manager",
        "drop table retail.whole",
    ),
    "column of api": (
        ["create view api.besides as select 1 as a", "grant select (a) on {it} to store_manager"],
        "revoke select (a) on {it} from store_manager",
        "drop view {it}",
    ),
    "schema of one's own": (
        [
            "create schema besides",
            "create table besides.visits as select g as a from generate_series(1, 99) as g",
            "alter table besides.visits enable row level security",
            "create policy few on besides.visits to store_manager using (a <= 27)",
            "grant select on besides.visits to store_manager",
            "create view {it} with (security_invoker) as select v.a from besides.visits as v",
            "grant select on {it} to store_manager",
            "alter table besides.visits disable row level security",
        ],
        "alter table besides.visits enable row level security",
        "drop schema besides cascade",
    ),
    "role of a class": (
        [
            "create role besides",
            "create table {it} (a integer)",
            "grant select on {it} to besides",
            "grant besides to store_manager with inherit true",
        ],
        "revoke besides from store_manager",
        "drop table {it}; drop role besides",
    ),
    "role that is bound by nothing": (
        ["alter role zava_store_seattle bypassrls"],
        "alter role zava_store_seattle nobypassrls",
        "select",
    ),
}


@pytest.mark.parametrize("guarded", [True, False], ids=["guard", "no guard"])
@pytest.mark.parametrize("besides", BESIDES)
async def test_no_answer_outlives_what_an_administrator_gave_besides(
    module_database, admin, besides, guarded
):
    it = "api.besides" if "api" in besides or "own" in besides else "retail.besides"
    if besides == "foreign table" and not admin.execute(FILE_FDW).fetchone():
        pytest.skip("file_fdw is not installed")
    given, *ends = BESIDES[besides]
    taken, gone = (text.format(it=it) for text in ends)
    sql = COUNT if "bound by nothing" in besides else f"select count(b.a) from {it} as b"
    for text in given:
        admin.execute(text.format(it=it))
    try:
        async with deaf(module_database, None if guarded else NoGuard()) as agent:
            seattle = await who(agent)
            before = await value(agent, seattle, sql)
            assert await value(agent, seattle, sql) == before
            assert agent.cache.hits == 1
            # Beside the agent, which ends its last transaction after a moment.
            await asyncio.to_thread(admin.execute, taken)
            with suppress(DatabaseError):
                assert await value(agent, seattle, sql) == 27 < before
            assert agent.cache.hits == 1
    finally:
        admin.execute(taken)
        admin.execute(gone)


@pytest.mark.parametrize("guarded", [True, False], ids=["guard", "no guard"])
async def test_what_was_read_while_the_role_might_see_more_is_not_kept(
    module_database, admin, monkeypatch, guarded
):
    # Once that is taken back the version is the old one, of a role as of before the query.
    fetch = agent_module.fetch

    async def meanwhile(*call: Any, **options: Any) -> Result:
        admin.execute("alter role zava_store_seattle bypassrls")
        return await fetch(*call, **options)

    async with deaf(module_database, None if guarded else NoGuard()) as agent:
        seattle = await who(agent)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(agent_module, "fetch", meanwhile)
                assert await value(agent, seattle) > 27
        finally:
            admin.execute("alter role zava_store_seattle nobypassrls")
        assert await value(agent, seattle) == 27


async def test_stores_that_are_given_are_seen_at_once(module_database, admin):
    async with deaf(module_database) as agent:
        region = await who(agent, "south-sound")
        before = await value(agent, region)
        given = [region.principal_id, tenants.store_id("online")]
        admin.execute("insert into zava.principal_stores values (%s, %s)", given)
        after = await value(agent, region)
        admin.execute(
            "delete from zava.principal_stores where principal_id = %s and store_id = %s", given
        )
        assert after > before == await value(agent, region)
        assert agent.cache.hits == 0


async def test_changed_data_are_seen_once_they_are_told(module_database, admin):
    async with caching(module_database) as agent:
        seattle = await who(agent)
        before = await value(agent, seattle)
        with psycopg.connect(module_database.admin_url) as writer:
            writer.execute(
                "insert into retail.orders (store_id, order_date, total_amount)"
                " values (%s, now(), 1)",
                [tenants.store_id("seattle")],
            )
            writer.execute("notify zava_data")
            assert await value(agent, seattle) == before
            writer.commit()
        await until(lambda: not len(agent.cache.store))
        assert await value(agent, seattle) == before + 1
        admin.execute("delete from retail.orders where total_amount = 1; notify zava_data")
        await until(lambda: not len(agent.cache.store))
        assert await value(agent, seattle) == before
        agent.cache._heard("zava_data")  # noqa: SLF001
        assert not agent.cache.on, "from that very moment"
        admin.execute("notify zava_data")
        await until(lambda: agent.cache.on)
        assert not len(agent.cache.store)


async def test_a_query_that_ran_while_data_changed_is_not_kept(module_database, admin):
    async with caching(module_database) as agent:
        seattle = await who(agent)
        slow = "select count(*) from retail.products a, retail.products b, retail.products c"
        running = asyncio.create_task(agent.query(seattle, slow))
        await until(lambda: bool(agent.cache._flights))  # noqa: SLF001
        epoch = agent.cache.store._epoch  # noqa: SLF001
        admin.execute("notify zava_data")
        await until(lambda: agent.cache.store._epoch > epoch)  # noqa: SLF001
        await running
        assert not len(agent.cache.store)


async def test_without_the_connection_that_hears_there_is_no_cache(module_database, admin, runs):
    async with caching(module_database) as agent:
        seattle = await who(agent)
        await value(agent, seattle)
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%'"
        )
        await until(lambda: not agent.cache.on)
        await value(agent, seattle)
        assert (len(runs.texts), agent.cache.hits) == (2, 0)
        await until(lambda: agent.cache.on)
        await value(agent, seattle)
        await value(agent, seattle)
        assert (len(runs.texts), agent.cache.hits) == (3, 1)


async def test_identical_questions_at_the_same_time_are_one_query(module_database, truth, runs):  # noqa: ARG001
    async with caching(module_database) as agent:
        seattle, tacoma = await who(agent), await who(agent, "tacoma")
        asked = [agent.query(seattle, COUNT) for _ in range(8)]
        asked += [agent.query(tacoma, COUNT) for _ in range(8)]
        told: list[bool] = []
        agent.observers.append(lambda call: told.append(call.cached))
        answers = await asyncio.gather(*asked)
        assert sum(told) == 14
        assert len(runs.texts) == 2
        assert {answer.rows[0][0] for answer in answers[:8]} == {27}
        assert {answer.rows[0][0] for answer in answers[8:]} == {41}
        # Each caller's error points into its own text.
        texts = (f"select {' ' * n}nothing from orders" for n in range(4))
        errors = await asyncio.gather(
            *(agent.query(seattle, text) for text in texts), return_exceptions=True
        )
        assert [error.position for error in errors if isinstance(error, DatabaseError)] == [
            8, 9, 10, 11
        ]  # fmt: skip


async def test_who_gives_up_leaves_the_others_their_answer(module_database, admin):
    slow = "select count(*) from retail.products a, retail.products b, retail.products c"
    running = (
        "select count(*) from pg_stat_activity where state = 'active'"
        " and datname = current_database() and usename = 'zava_gateway'"
    )
    # Longer than these tests wait: nothing but who gives up ends a query.
    patient = {"statement_timeout": 200, "command_timeout": 200}
    async with caching(module_database, **patient) as agent:
        seattle = await who(agent)
        tasks = [asyncio.create_task(agent.query(seattle, slow)) for _ in range(3)]
        await until(lambda: agent.cache.misses == 3)
        tasks[0].cancel()
        assert (await tasks[1]).rows[0][0] == (await tasks[2]).rows[0][0] == 200**3
        assert tasks[0].cancelled()
        tasks = [asyncio.create_task(agent.query(seattle, tenants.SLOW)) for _ in range(3)]
        await until(lambda: admin.execute(running).fetchone()[0] == 1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await until(lambda: admin.execute(running).fetchone()[0] == 0)
        assert not agent.cache._flights  # noqa: SLF001


async def test_the_memory_of_answers_has_a_bound():
    def answer(size: int) -> Result:
        return Result.of((Column("x", "text"),), [("x" * size,)], truncated=False)

    store = MemoryStore(seconds=60, most=10_000)
    for number in range(20):
        await store.put(str(number), 0, answer(1_000))
    assert store.size <= 10_000
    assert len(store) == 8
    await store.get("12")
    await store.put("20", 0, answer(1_000))
    kept = [key for key in map(str, range(21)) if (await store.get(key))[1] is not None]
    assert kept == ["12", *map(str, range(14, 21))]
    await store.put("large", 0, answer(5_000))
    assert (await store.get("large"))[1] is None
    before = len(store), store.size
    await store.put("20", 0, answer(1_000))
    assert (len(store), store.size) == before
    await store.clear()
    await store.put("old", 0, answer(1))
    assert (len(store), store.size) == (0, 0)
    short = MemoryStore(seconds=0.01, most=10_000)
    await short.put("x", 0, answer(1))
    await asyncio.sleep(0.02)
    assert (await short.get("x"))[1] is None
    assert short.size == 0


async def test_what_is_volatile_is_never_kept(module_database):
    lines = FUNCTIONS.read_text(encoding="utf-8").splitlines()
    allowed = [line.split()[0] for line in lines if line and not line.startswith("#")]
    with psycopg.connect(module_database.admin_url) as connection:
        volatile = connection.execute(
            "select distinct proname from pg_proc where provolatile = 'v' and proname = any (%s)",
            [allowed],
        ).fetchall()
    assert volatile
    assert {name for (name,) in volatile} <= NEVER_KEPT
    assert not is_kept("select Current_Timestamp")
    assert not is_kept('select "now" ( )')
    assert not is_kept('select * from api."my_queries"(p_limit => $1::text::integer)')
    assert is_kept("select known from retail.orders")


async def test_an_answer_is_of_the_values_and_the_time_zone_it_was_asked_with(
    module_database, admin
):
    admin.execute(
        "create function api.twice(p_x integer) returns integer language sql stable"
        " return 2 * p_x; grant execute on function api.twice(integer) to store_manager"
    )
    noon = "select to_char(timestamptz '2024-06-01 12:00Z', 'HH24')"
    store, answers = MemoryStore(60, 1_000_000), []
    for zone in ("UTC", "Asia/Tokyo"):
        async with tenants.opened(module_database, time_zone=zone) as opened:
            agent = Agent(opened, cache=Cache(opened, store, on=True))
            seattle = await who(agent)
            catalogue = FunctionCatalogue(opened)
            await catalogue.refresh()
            twice = (await catalogue.visible_to(seattle))["twice"]
            answers.append(await value(agent, seattle, noon))
            for x in (1, 2, 1):
                answers += (await agent.call_function(seattle, twice, {"x": x})).rows[0]
            assert agent.cache.hits == 1
    assert answers == ["12", 2, 4, 2, "21", 2, 4, 2]


async def test_a_volatile_function_of_the_database_is_asked_each_time(clone):
    with clone() as copy:
        tenants.fill(copy)
        with psycopg.connect(copy.admin_url) as connection:
            for name, kind in (("Lot_1", "volatile"), ("kept", "stable")):
                connection.execute(
                    f'create function api."{name}"() returns text language sql {kind}'
                    " return gen_random_uuid()::text;"
                    f' grant execute on function api."{name}"() to store_manager'
                )
        async with caching(copy) as agent:

            async def identify() -> Principal:
                return await who(agent)

            async with Client(create_server(agent, identify)) as client:
                for name, times in (("Lot_1", 2), ("kept", 1)):
                    sql = f'select api."{name}"()'
                    for tool, given in ((name, {}), ("query", {"sql": sql})):
                        answers = [await client.call_tool(tool, given) for _ in range(2)]
                        assert len({repr(answer.content) for answer in answers}) == times, tool


@pytest.fixture
def redis(tmp_path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Run a Redis, and be able to run it again."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian package redis-server)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path],
            stdout=subprocess.PIPE,
        )
        running.append(process)
        for line in process.stdout:
            if b"Ready to accept" in line:
                break

    def stop() -> None:
        while running:
            process = running.pop()
            process.kill()
            process.communicate()

    start()
    try:
        yield f"redis://127.0.0.1:{port}/0", start, stop
    finally:
        stop()


async def test_servers_share_answers_in_redis(module_database, admin, runs, redis):
    url, start, stop = redis
    async with (
        caching(module_database, cache_url=SecretStr(url)) as one,
        caching(module_database, cache_url=SecretStr(f"{url}?decode_responses=true")) as two,
    ):
        seattle, tacoma = await who(one), await who(one, "tacoma")
        odd = "select 1.5::float8, 'ü', null, array[1, 2], true, 'inf'::float8, 10::numeric"
        fresh = await one.query(seattle, odd)
        kept = await two.query(seattle, odd)
        assert two.cache.hits == 1
        assert (kept.columns, list(kept.rows)) == (fresh.columns, list(fresh.rows))
        assert await value(one, tacoma) == 41 != await value(two, seattle)

        # What somebody else writes into Redis is not given to anybody.
        client = two.cache.store._redis  # noqa: SLF001
        names = [name async for name in client.scan_iter(match="zava:*") if b"epoch" not in name]
        bodies = await client.mget(names)
        for name, body in zip(names, reversed(bodies), strict=True):
            await client.set(name, body)
        assert await value(two, tacoma) == 41
        assert await value(one, seattle) == 27
        for name in names:
            await client.set(name, b"x" * 64)
        hits = one.cache.hits + two.cache.hits
        assert await value(two, seattle) == 27
        assert one.cache.hits + two.cache.hits == hits

        # Nor does an epoch that is none keep anybody from an answer.
        (name,) = [name async for name in client.scan_iter(match="zava:*") if b"epoch" in name]
        before = await client.get(name)
        await client.set(name, b"x")
        assert await value(two, seattle) == 27
        await client.set(name, before)

        # A disabled principal is told so, on either.
        admin.execute("select zava.disable_principal('seattle')")
        try:
            for agent in (one, two):
                with pytest.raises(AuthorizationError):
                    await value(agent, seattle)
                with pytest.raises(AuthorizationError):
                    await who(agent)
        finally:
            admin.execute("select zava.enable_principal('seattle')")
        await until(lambda: one.cache.on and two.cache.on)

        # Without Redis there are answers, and no old ones once it is back.
        assert await value(one, seattle) == await value(two, seattle) == 27
        stop()
        assert await value(one, seattle) == 27
        admin.execute("notify zava_data")
        await until(lambda: not one.cache.on and not two.cache.on)
        assert await value(one, seattle) == 27
        start()
        await until(lambda: one.cache.on and two.cache.on)
        count = len(runs.texts)
        assert await value(one, seattle) == await value(two, seattle) == 27
        assert len(runs.texts) == count + 1


async def test_the_database_is_heard_of_while_redis_is_away(module_database, admin, redis, caplog):
    url, start, stop = redis
    async with caching(module_database, cache_url=SecretStr(url)) as agent:
        stop()
        admin.execute("notify zava_data")
        await until(lambda: "Redis cannot be written" in caplog.text)
        start()
        await until(lambda: agent.cache.on)
        assert "heard" not in caplog.text


async def test_an_epoch_that_redis_has_lost_brings_no_old_answers_back(
    module_database, admin, redis
):
    async with caching(module_database, cache_url=SecretStr(redis[0])) as agent:
        seattle = await who(agent)
        assert await value(agent, seattle) == 27
        client = agent.cache.store._redis  # noqa: SLF001
        (name,) = [name async for name in client.scan_iter(match="zava:*") if b"epoch" in name]
        await client.delete(name)
        hits = agent.cache.hits
        assert [await value(agent, seattle) for _ in range(2)] == [27, 27]
        assert agent.cache.hits == hits + 1
        await client.delete(name)
        order = (
            "insert into retail.orders (store_id, order_date, total_amount) values (%s, now(), 1)"
        )
        admin.execute(order, [tenants.store_id("seattle")])
        try:
            admin.execute("notify zava_data")
            async with asyncio.timeout(20):
                while await value(agent, seattle) != 28:  # noqa: ASYNC110 - nothing tells it
                    await asyncio.sleep(0.05)
        finally:
            admin.execute("delete from retail.orders where total_amount = 1; notify zava_data")


@asynccontextmanager
async def between(url: str, change: Callable[[bytes], bytes]) -> AsyncIterator[SecretStr]:
    """Give a URL that leads to Redis, whose replies are changed; without one it hangs up."""
    async with network(urlsplit(url).netloc, change) as found:
        yield SecretStr(found.url(url))


async def test_replies_that_are_none_are_no_error_of_the_caller(
    module_database,
    truth,  # noqa: ARG001
    redis,
):
    broken: list[bool] = []
    async with (
        between(redis[0], lambda data: data.replace(b"+OK", b"*OK") if broken else data) as url,
        caching(module_database, cache_url=url) as agent,
    ):
        seattle = await who(agent)
        broken.append(True)
        assert await value(agent, seattle) == 27


async def test_not_every_call_waits_for_a_redis_that_cannot_be_read(
    module_database,
    truth,  # noqa: ARG001
    redis,
    monkeypatch,
):
    monkeypatch.setattr("zava_sql.cache_redis._PAUSE", 60)
    lists: list[bytes] = []

    def unread(data: bytes) -> bytes:
        if data[:1] != b"*":
            return data
        lists.append(data)
        return b""

    async with (
        between(redis[0], unread) as url,
        caching(module_database, cache_url=url) as agent,
    ):
        seattle = await who(agent)
        assert [await value(agent, seattle) for _ in range(3)] == [27] * 3
        assert len(lists) == 1
        # What begins another epoch shows that it answers.
        await agent.cache.store.clear()
        assert await value(agent, seattle) == 27
        assert len(lists) == 2


async def test_no_query_from_before_a_change_is_shared_while_redis_cannot_be_read(
    module_database, admin, redis, runs
):
    slow = "select count(*) from retail.products a, retail.products b, retail.products c"
    unread: list[bool] = []
    # What mget() answers is the only list.
    async with (
        between(redis[0], lambda data: b"" if unread and data[:1] == b"*" else data) as url,
        caching(module_database, cache_url=url) as agent,
    ):
        seattle = await who(agent)
        client = agent.cache.store._redis  # noqa: SLF001
        (name,) = [key async for key in client.scan_iter(match="zava:*") if b"epoch" in key]
        epoch = await client.get(name)
        unread.append(True)
        before = asyncio.create_task(agent.query(seattle, slow))
        await until(lambda: len(runs.texts) == 1)
        admin.execute("notify zava_data")
        while await client.get(name) == epoch:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
        await until(lambda: agent.cache.on)
        assert not before.done()
        await agent.query(seattle, slow)
        await before
        assert len(runs.texts) == 2


async def test_a_redis_that_is_full_is_told_once(module_database, redis, caplog):
    async with caching(module_database, cache_url=SecretStr(redis[0])) as agent:
        seattle = await who(agent)
        assert await value(agent, seattle) == 27
        client = agent.cache.store._redis  # noqa: SLF001
        for most, said in ((1, "cannot be written: OutOfMemoryError"), (0, "can be written again")):
            caplog.clear()
            await client.config_set("maxmemory", most)
            for number in range(3):
                answer = await agent.query(seattle, f"select {number} as n, {most} as m")
                assert list(answer.rows) == [(number, most)]
            assert [record.getMessage() for record in caplog.records] == [f"Redis {said}"]


async def test_redis_keeps_what_json_says_exactly_and_what_is_not_too_large(
    module_database,
    truth,  # noqa: ARG001
    redis,
    runs,
    admin_connection,
):
    admin_connection.execute(
        "create type retail.pair as (a integer, b integer);"
        " create function api.pair() returns retail.pair language sql stable"
        " begin atomic select row(1, 2)::retail.pair; end;"
        " grant execute on function api.pair() to store_manager"
    )
    async with caching(
        module_database, cache_url=SecretStr(redis[0]), cache_bytes=100_000
    ) as agent:
        seattle = await who(agent)
        for sql, times in (
            ("select 1, array[true, null]", 1),
            ("select 1, int4range(1, 5)", 1),
            ("select array[int4range(1, 5)], 1", 1),
            ("select 1, api.pair()", 2),
            ("select repeat('x', 9000), repeat('y', 9000)", 1),
            ("select repeat('x', 9999), repeat('y', 9999), repeat('z', 9999)", 2),
        ):
            runs.texts.clear()
            first, again = [await agent.query(seattle, sql) for _ in range(2)]
            assert list(first.rows) == list(again.rows)
            assert len(runs.texts) == times, sql


async def test_no_answers_are_kept_where_no_change_can_be_heard_of(module_database):
    async with tenants.opened(module_database, cache_ttl=60, pooler="transaction") as database:
        with pytest.raises(ConfigurationError, match="ZAVA_POOLER"):
            async with Cache.open(database):
                pass


async def test_an_option_that_redis_does_not_know_fails_at_start(module_database):
    async with tenants.opened(module_database, cache_ttl=60) as database:
        for option in ("nonsense=1", "ssl=1", "retry=1", "socket_timeout=x", "db=x"):
            url = SecretStr(f"redis://:secret@127.0.0.1:1?{option}")
            with pytest.raises(ConfigurationError, match="ZAVA_CACHE_URL") as refused:
                RedisStore(url, 60, 1_000, database.context_key)
            assert "secret" not in f"{refused.value} {refused.value.hint}"
