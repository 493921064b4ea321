"""How the connections of agents are shared: who gets which, and what the last one leaves."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Literal

import asyncpg
import psycopg
import pytest
import tenants
from waiting import until

from zava_sql import gateway, lending, pools
from zava_sql.agent import Agent, fetch
from zava_sql.errors import DatabaseError, LimitExceeded, ZavaError
from zava_sql.stopping import stop
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    import conftest

    from zava_sql.database import Database
    from zava_sql.principals import Principal

pytestmark = pytest.mark.anyio

STATE = "select a.state from pg_stat_activity as a where a.pid = %s"
LOCKS = "select count(*) from pg_locks as l where l.pid = %s and l.locktype = 'advisory'"
PATIENCE = 20.0


@pytest.fixture(scope="module", autouse=True)
def _filled(module_database: conftest.Database) -> None:
    tenants.fill(module_database)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no transaction be ended by time."""
    monkeypatch.setattr(lending, "_LEFT_OPEN", 3600)


async def backend(database: Database, principal: Principal) -> int:
    """Ask on which backend the text of this principal runs."""
    result = await fetch(database, principal, "select pg_backend_pid()", 1)
    return int(str(result.rows[0][0]))


# ---------------------------------------------------------------- who gets which


@pytest.mark.usefixtures("waits")
async def test_principals_that_ask_in_turn_keep_their_connections(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(module_database, pool_min=3, pool_max=3) as database:
        people = await tenants.principals(database, ["seattle", "bellevue", "tacoma"])
        first = {name: await backend(database, one) for name, one in people.items()}
        assert len(set(first.values())) == 3
        for _ in range(5):
            for name in random.sample(sorted(people), 3):
                assert await backend(database, people[name]) == first[name]


@pytest.mark.usefixtures("waits")
async def test_who_finds_none_of_its_own_gets_the_one_that_rested_longest(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(module_database, pool_min=2, pool_max=2) as database:
        people = await tenants.principals(database, ["seattle", "bellevue", "tacoma"])
        seattle, bellevue = [await backend(database, people[n]) for n in ("seattle", "bellevue")]
        assert seattle != bellevue
        assert await backend(database, people["tacoma"]) == seattle
        assert await backend(database, people["bellevue"]) == bellevue
        assert await backend(database, people["seattle"]) == seattle


async def test_no_more_connections_than_allowed_whoever_gives_up(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(
        module_database, pool_min=0, pool_max=3, pool_timeout=PATIENCE
    ) as database:
        people = list((await tenants.principals(database)).values())
        calls = [
            asyncio.create_task(backend(database, random.choice(people)))  # noqa: S311
            for _ in range(120)
        ]
        for call in random.sample(calls, 40):
            await asyncio.sleep(0.001)
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert database.gateway.get_size() <= 3
        # Every slot came back.
        async with asyncio.timeout(PATIENCE):
            held = [await database.gateway.acquire() for _ in range(3)]
        assert len({one.get_server_pid() for one in held}) == 3
        for one in held:
            database.gateway.release(one)


@pytest.mark.parametrize("pool", ["gateway", "service"])
async def test_who_gives_up_while_a_connection_is_made_leaves_no_error_to_nobody(
    module_database: conftest.Database, pool: Literal["gateway", "service"]
) -> None:
    """At each step of connecting: what nobody is told of, the event loop reports."""
    async with tenants.opened(module_database, pool_min=0, pool_max=1) as database:
        lender = getattr(database, pool)
        for steps in range(1, 16):
            await lender.expire_connections()
            call = asyncio.ensure_future(lender.acquire())
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            if not call.cancelled():
                lender.release(call.result())
        async with asyncio.timeout(PATIENCE):
            await backend(database, (await tenants.principals(database, ["seattle"]))["seattle"])
        assert database.gateway.get_size() == database.service.get_size() == 1


async def test_a_connection_that_cannot_be_made_costs_no_slot() -> None:
    async def fail() -> gateway.GatewayConnection:
        raise ConnectionRefusedError

    pool = lending.Pool(fail, smallest=0, largest=2, lifetime=10, patience=1)
    for _ in range(5):
        async with asyncio.timeout(1):
            with pytest.raises(ConnectionRefusedError):
                await pool.acquire()


async def test_one_that_fails_after_its_caller_gave_up_costs_no_slot() -> None:
    failing = asyncio.Event()

    async def fail_late() -> gateway.GatewayConnection:
        await failing.wait()
        raise ConnectionRefusedError

    pool = lending.Pool(fail_late, smallest=0, largest=1, lifetime=10, patience=0.05)
    with pytest.raises(TimeoutError):
        await pool.acquire()
    failing.set()
    await until(lambda: not pool._making)  # noqa: SLF001
    with pytest.raises(ConnectionRefusedError):
        await pool.acquire()


async def test_a_pool_that_closes_waits_for_who_has_a_connection(
    module_database: conftest.Database,
) -> None:
    pool = pools.gateway_pool(tenants.settings(module_database, pool_max=2))
    connection = await pool.acquire()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.1)
    assert await connection.fetchval("select 1") == 1
    assert not closing.done()
    pool.release(connection)
    await closing
    assert connection.is_closed()


async def test_all_busy_is_said_in_time(module_database: conftest.Database) -> None:
    async with tenants.opened(module_database, pool_max=1, pool_timeout=0.2) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        async with tenant_session(database, seattle):
            with pytest.raises(LimitExceeded, match="busy"):
                await database.acquire(seattle.principal_id)
        await backend(database, seattle)


async def test_nobody_waits_longer_where_those_that_were_idle_are_closed(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tenants.opened(module_database, pool_min=1, pool_timeout=0.2) as database:
        connection = await database.gateway.acquire()
        connection.terminate()
        database.gateway._idle.append((connection, time.monotonic()))  # noqa: SLF001
        database.gateway._slots.release()  # noqa: SLF001 - as if the server had cut it when idle

        async def hang() -> None:
            await asyncio.sleep(PATIENCE)

        monkeypatch.setattr(database.gateway, "_connect", hang)
        async with asyncio.timeout(PATIENCE / 2):
            with pytest.raises(TimeoutError):
                await database.gateway.acquire()
        database.gateway.terminate()


async def test_what_is_idle_for_too_long_while_a_pool_closes_does_no_harm(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = gateway.GatewayConnection.close

    async def slowly(self: gateway.GatewayConnection) -> None:
        await asyncio.sleep(0.5)
        await close(self)

    idle = {"pool_min": 0, "pool_max": 3, "pool_lifetime": 0.3}
    pool = pools.gateway_pool(tenants.settings(module_database, **idle))
    for connection in [await pool.acquire() for _ in range(3)]:
        pool.release(connection)
    monkeypatch.setattr(gateway.GatewayConnection, "close", slowly)
    await pool.close()
    assert pool.get_size() == 0


@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"use_uvloop": uvloop}) for uvloop in (False, True)]
)
async def test_one_that_is_gone_is_ended_in_silence(module_database: conftest.Database) -> None:
    async with tenants.opened(module_database) as database:
        connection = await database.gateway.acquire()
        connection.terminate()
        await asyncio.sleep(0.05)  # until the loop has closed its socket
        await stop(connection)
        database.gateway.release(connection)
        assert database.gateway.get_size() == 0


async def test_idle_and_expired_connections_are_replaced(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(module_database, pool_min=0, pool_lifetime=0.3) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        first = await backend(database, seattle)
        await until(lambda: database.gateway.get_size() == 0)
        second = await backend(database, seattle)
        assert second != first
        await database.gateway.expire_connections()
        assert database.gateway.get_size() == 0, "nobody has it, nobody gets it"
        connection = await database.gateway.acquire(seattle.principal_id)
        await database.gateway.expire_connections()
        assert not connection.is_closed(), "who has it keeps it"
        database.gateway.release(connection)
        assert connection.is_closed()
        assert await backend(database, seattle) not in (first, second)
    with pytest.raises(asyncpg.InterfaceError):
        await database.gateway.acquire()


async def test_connections_that_are_only_looked_at_are_closed_and_the_least_number_is_kept(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(
        module_database, pool_min=1, pool_max=4, pool_lifetime=0.5
    ) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        holder = seattle.principal_id
        for connection in [await database.gateway.acquire(holder) for _ in range(4)]:
            database.gateway.release(connection)
        assert database.gateway.get_size() == 4
        async with asyncio.timeout(5):
            while database.gateway.get_size() > 1:
                await database.refresh()
                await asyncio.sleep(0.05)
        for _ in range(20):
            await database.refresh()
            assert database.gateway.get_size() == 1
            await asyncio.sleep(0.05)


async def test_a_connection_that_served_long_enough_is_replaced(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the pool is opened two looks are taken on it.
    monkeypatch.setattr(lending, "_MOST_USES", 5)
    async with tenants.opened(module_database, pool_min=1, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        backends = [await backend(database, seattle) for _ in range(6)]
        assert len(set(backends[:3])) == len(set(backends[3:])) == 1
        assert backends[0] != backends[3]


async def test_a_connection_that_served_for_long_is_replaced(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "_MOST_SECONDS", 3600)
    async with tenants.opened(module_database, pool_min=1, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        first = await backend(database, seattle)
        await fetch(database, seattle, "select pg_sleep(0.2)", 1)
        assert await backend(database, seattle) == first
        monkeypatch.setattr(lending, "_MOST_SECONDS", 0.2)
        assert await backend(database, seattle) == first  # which comes back too late
        assert await backend(database, seattle) != first


async def test_the_time_in_which_nobody_has_a_connection_does_not_count(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tenants.opened(module_database, pool_min=1, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        first = await backend(database, seattle)
        await asyncio.sleep(0.6)
        monkeypatch.setattr(lending, "_MOST_SECONDS", 0.5)
        assert await backend(database, seattle) == first
        assert await backend(database, seattle) == first


# ---------------------------------------------------------------- what the last one leaves


async def test_a_transaction_waits_a_moment_for_the_next_and_no_longer(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    async with tenants.opened(module_database, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        pid = await backend(database, seattle)
        await until(lambda: admin_connection.execute(STATE, [pid]).fetchone() == ("idle",))
        assert await backend(database, seattle) == pid


async def test_one_that_came_back_just_before_others_were_ended_is_ended_as_well(
    module_database: conftest.Database,
    admin_connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lending, "_LEFT_OPEN", 0.6)
    async with tenants.opened(module_database, pool_min=2, pool_max=2) as database:
        people = await tenants.principals(database, ["seattle", "bellevue"])
        first = await backend(database, people["seattle"])
        await asyncio.sleep(0.3)
        second = await backend(database, people["bellevue"])
        assert first != second
        for pid in (first, second):
            await until(lambda: admin_connection.execute(STATE, [pid]).fetchone() == ("idle",))  # noqa: B023


async def test_a_connection_whose_transaction_cannot_be_ended_is_nobodys(
    module_database: conftest.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: gateway.GatewayConnection) -> None:
        raise RuntimeError

    async with tenants.opened(module_database, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        with monkeypatch.context() as patch:
            patch.setattr(gateway.GatewayConnection, "end", fail)
            first = await backend(database, seattle)
            # Sooner than PostgreSQL ends what is idle in a transaction.
            async with asyncio.timeout(PATIENCE):
                await until(lambda: database.gateway.get_size() == 0)
        assert await backend(database, seattle) != first


@pytest.mark.usefixtures("waits")
async def test_a_principal_that_comes_again_ends_its_last_transaction(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    begun = "select now()"
    async with tenants.opened(module_database, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        pid = await backend(database, seattle)
        state = admin_connection.execute(STATE, [pid]).fetchone()
        assert state == ("idle in transaction",)
        first = (await fetch(database, seattle, begun, 1)).rows
        assert (await fetch(database, seattle, begun, 1)).rows != first, "another transaction"


# What a text could leave to whoever comes next.
LEAVING = (
    "select pg_advisory_lock(42)::text, set_config('work_mem', '1GB', false)",
    "select set_config('zava.context', 'forged', false)",
    "select set_config('role', 'zava_store_tacoma', false)",
)


@pytest.fixture(scope="module")
def each_truth(each_database: conftest.Database) -> tenants.Truth:
    return tenants.fill(each_database)


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("guarded", [False, True], ids=["no guard", "guard"])
async def test_who_comes_next_sees_its_own_whatever_was_tried(
    each_database: conftest.Database, each_truth: tenants.Truth, *, guarded: bool
) -> None:
    async with tenants.opened(each_database, pool_max=1, runner="never") as database:
        agent = Agent(database)
        people = await tenants.principals(database, ["seattle", "bellevue"])
        outcomes = set()
        for text in LEAVING * 2:
            try:
                if guarded:
                    await agent.query(people["seattle"], text)
                else:
                    await fetch(database, people["seattle"], text, 1)
                outcomes.add("ran")
            except ZavaError as error:
                outcomes.add(error.code)
        assert len(outcomes) == 1
        assert outcomes <= ({"QUERY_REFUSED"} if guarded else {"ran", "AUTHORIZATION_ERROR"})
        pid = await backend(database, people["seattle"])
        async with tenant_session(database, people["bellevue"]) as connection:
            assert connection.get_server_pid() == pid
        assert await tenants.own_rows(database, people["bellevue"]) == each_truth.of("bellevue")
        with psycopg.connect(each_database.admin_url) as admin:
            assert admin.execute(LOCKS, [pid]).fetchone() == (0,)


@pytest.mark.usefixtures("waits")
async def test_nothing_of_a_transaction_is_left_to_the_next_principal(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    """Without the guard: what a text can leave is undone before anybody else's begins."""
    left = (
        "select current_setting('zava.context'), current_setting('work_mem'), current_user::text,"
        # But what the gateway itself says before each text, of which the values are no part.
        " (select count(*) from pg_prepared_statement() as s"
        " where s.statement !~ '^select pg_catalog.set_config')"
    )
    async with tenants.opened(module_database, pool_max=1, runner="never") as database:
        people = await tenants.principals(database, ["seattle", "bellevue"])
        for text in LEAVING * 2:
            await fetch(database, people["seattle"], text, 1)
        pid = await backend(database, people["seattle"])
        assert admin_connection.execute(LOCKS, [pid]).fetchone() == (1,)
        context, memory, role, statements = (
            await fetch(database, people["bellevue"], left, 1)
        ).rows[0]
        assert await backend(database, people["bellevue"]) == pid
        assert str(people["bellevue"].principal_id) in str(context)
        assert (memory, role, statements) == ("4MB", "zava_store_bellevue", 0)
        assert admin_connection.execute(LOCKS, [pid]).fetchone() == (0,)


async def test_a_lock_ends_with_the_text_that_failed_behind_it(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    async with tenants.opened(module_database, pool_max=1, runner="never") as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        pid = await backend(database, seattle)
        text = "select pg_advisory_lock(44)::text, 1 / (n - 1) from generate_series(1, 1) as n"
        with pytest.raises(DatabaseError, match="division"):
            await fetch(database, seattle, text, 1)
        # Whoever tries to take it learns of it.
        await until(lambda: admin_connection.execute(LOCKS, [pid]).fetchone() == (0,))
        assert await backend(database, seattle) == pid


async def test_what_one_asks_often_is_new_of_the_next(module_database: conftest.Database) -> None:
    """Without the guard a text sees whether it is kept: not because another asked it, too."""
    kept = "select count(*) from pg_prepared_statement() as s where s.statement ~ 'as q limit'"
    async with tenants.opened(module_database, pool_max=1, runner="never") as database:
        people = await tenants.principals(database, ["seattle", "bellevue"])
        counts = [(await fetch(database, people["seattle"], kept, 1)).rows for _ in range(2)]
        counts += [(await fetch(database, people["bellevue"], kept, 1)).rows for _ in range(2)]
    assert counts == [[(n,)] for n in (0, 1, 0, 1)]


async def test_a_connection_in_which_something_failed_is_lent_to_nobody(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(module_database, pool_max=1) as database:
        with pytest.raises(ZeroDivisionError):
            async with database.gateway.lend() as connection:
                raise ZeroDivisionError
        assert connection.is_closed()
        async with database.gateway.lend() as other:
            assert other is not connection


@pytest.mark.usefixtures("waits")
async def test_who_is_no_principal_gets_a_connection_without_a_transaction(
    module_database: conftest.Database,
) -> None:
    async with tenants.opened(module_database, pool_max=1) as database:
        seattle = (await tenants.principals(database, ["seattle"]))["seattle"]
        await backend(database, seattle)
        async with database.gateway.lend() as connection:
            row = await connection.fetchrow(
                "select current_user::text, current_setting('zava.context', true) as context"
            )
            assert not connection.is_in_transaction()
    assert row is not None
    assert (row[0], row[1] or "") == ("zava_gateway", "")
