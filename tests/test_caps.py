"""Caps: by role as the administrator sets them, the cost of plans, a fair share for everybody."""

from __future__ import annotations

import asyncio
import re
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
import tenants
from waiting import until

from zava_sql.agent import Agent, fetch
from zava_sql.answer import answer
from zava_sql.catalogue import describe_schema, list_names
from zava_sql.errors import AuthorizationError, LimitExceeded, QueryTimeout, ValidationError
from zava_sql.tenant import tenant_session
from zava_sql.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import conftest

    from zava_sql.database import Database

pytestmark = pytest.mark.anyio

STILL_RUNNING = """
select count(*) from pg_stat_activity where state = 'active' and query like '%string_agg%'
    and pid <> pg_backend_pid()
"""
BIG = "select count(*) from " + ", ".join(f"retail.products as p{i}" for i in range(3))


@pytest.fixture(scope="module", autouse=True)
def truth(module_database: conftest.Database) -> tenants.Truth:
    return tenants.fill(module_database)


@contextmanager
def role_settings(database: conftest.Database, *settings: str) -> Iterator[None]:
    """Set these for as long as the block lasts, each as `role SET …`."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        try:
            for one in settings:
                connection.execute(f"alter role {one}")
            yield
        finally:
            for one in settings:
                role, _, rest = one.partition(" set ")
                connection.execute(f"alter role {role} reset {rest.split()[0]}")


@pytest.fixture
async def opened(module_database: conftest.Database) -> AsyncIterator[Database]:
    async with tenants.opened(module_database, pool_max=2) as found:
        yield found


async def test_a_role_has_the_caps_that_the_administrator_set(opened, module_database):
    agent = Agent(opened)
    people = await tenants.principals(opened, ("seattle", "bellevue", "head-office"))
    here = f"zava_store_seattle in database {module_database.dbname}"
    with role_settings(
        module_database,
        "store_manager set zava.max_rows_limit = '50'",
        "store_manager set zava.max_bytes = '2000'",
        "zava_store_seattle set zava.max_rows_limit = '8'",
        f"{here} set zava.max_rows_limit = '7'",
        "zava_store_bellevue in database postgres set zava.max_rows_limit = '3'",
        f"{here} set zava.statement_timeout = '0.2'",
        # One that is not valid sets no valid one aside.
        "store_manager set zava.max_cell = '99'",
        f"store_manager in database {module_database.dbname} set zava.max_cell = '98'",
        "zava_store_seattle set zava.max_cell = '1O'",
        # A tenant's own comes before what its class has for this very database.
        "zava_store_bellevue set zava.max_cell = '97'",
    ):
        await opened.refresh()
        assert opened.caps.of(people["seattle"].role).max_cell == 98
        assert opened.caps.of(people["bellevue"].role).max_cell == 97
        for name, limit in (("seattle", 7), ("bellevue", 50), ("head-office", 10_000)):
            assert opened.caps.of(people[name].role).max_rows_limit == limit
            for asked in (-1, 0, limit + 1):
                with pytest.raises(ValidationError, match=f"from 1 to {limit}, not {asked}"):
                    await agent.query(people[name], "select 1", max_rows=asked)
            assert await agent.query(people[name], "select 1", max_rows=limit)
        result = await agent.query(people["seattle"], "select generate_series(1, 20)")
        assert (len(result.rows), result.truncated) == (7, True)
        with pytest.raises(QueryTimeout, match=r"longer than 0\.2 seconds"):
            await agent.query(people["seattle"], tenants.SLOW)
        # By PostgreSQL itself, and not with the limit of the others.
        for name, limit in (("seattle", "200ms"), ("bellevue", "30s")):
            told = await fetch(
                opened, people[name], "select current_setting('statement_timeout')", 1
            )
            assert told.rows == [(limit,)]
        long = await agent.query(people["bellevue"], "select repeat('x', 500) from orders")
        shown = answer(long, opened.caps.of(people["bellevue"].role))
        assert shown.fields["truncated_by"] == "bytes"
        assert len(shown.text) < 2200
    await opened.refresh()
    assert opened.caps.of(people["seattle"].role) is opened.settings


async def test_a_role_cannot_have_more_than_the_server_gives(opened, module_database, caplog):
    role = "zava_store_tacoma"
    with role_settings(
        module_database,
        f"{role} set zava.max_rows = '1000000'",
        f"{role} set zava.max_bytes = 'lots'",
        f"{role} set zava.context_key = 'x'",
        f"{role} set zava.max_cell = '-1'",
        f"{role} set zava.statement_timeout = '3000'",
        # To PostgreSQL no milliseconds at all would mean no limit.
        "zava_store_spokane set zava.statement_timeout = '0.0004'",
    ):
        await opened.refresh()
        await opened.refresh()
        caps = opened.caps.of(role)
        assert caps == opened.settings
        for name in ("max_bytes", "context_key", "max_cell"):
            said = f"role {role}: zava.{name} is no cap, or not a valid one"
            assert caplog.text.count(said) == 1, "every few seconds it is looked at again"
        assert opened.caps.of("zava_store_spokane") == opened.settings
        assert "role zava_store_spokane: zava.statement_timeout is no cap" in caplog.text


async def test_a_tenant_cannot_set_its_own_caps(opened, module_database):
    seattle = (await tenants.principals(opened, ["seattle"]))["seattle"]
    with role_settings(module_database, "store_manager set zava.max_rows = '3'"):
        await opened.refresh()
        text = "select set_config('zava.max_rows', '900', false), generate_series(1, 9)"
        rows = await fetch(opened, seattle, text, opened.caps.of(seattle.role).max_rows)
        assert len(rows.rows) == 3
        await opened.refresh()
        assert len((await Agent(opened).query(seattle, "select 1 from orders")).rows) == 3


async def test_a_plan_that_costs_too_much_does_not_run(opened, module_database):
    agent = Agent(opened)
    people = await tenants.principals(opened, ("seattle", "head-office"))
    with role_settings(module_database, "store_manager set zava.max_cost = '5000'"):
        await opened.refresh()
        with pytest.raises(LimitExceeded, match="estimated to cost more") as refused:
            await agent.query(people["seattle"], BIG)
        # An estimate over all tenants' rows is nobody's business.
        assert not re.search("[0-9]", f"{refused.value.message}{refused.value.hint}")
        assert len((await agent.query(people["seattle"], "select 1 from orders")).rows) == 27
        with pytest.raises(LimitExceeded):
            await fetch(opened, people["seattle"], f"{BIG} where $1 <> 'y'", 1, ["x"])
        assert (await agent.query(people["head-office"], BIG)).rows == [(200**3,)]


async def test_a_plan_that_takes_too_long_to_write_out_does_not_run(
    opened, module_database, monkeypatch
):
    text = "(select length(name) as a from stores)"
    for _ in range(20):
        text = f"(select q.a from stores t join {text} q on length(t.name) = q.a)"
        text = f"(select a + a as a from {text} q offset 0)"
    seattle = (await tenants.principals(opened, ["seattle"]))["seattle"]
    monkeypatch.setattr("zava_sql.caps._PLANNING", 0.3)
    with role_settings(module_database, "store_manager set zava.max_cost = '1e30'"):
        await opened.refresh()
        with pytest.raises(LimitExceeded, match="cannot be estimated"):
            await Agent(opened).query(seattle, f"select a from {text} q where a is not null")


async def test_a_plan_that_is_too_long_is_not_read(opened, module_database):
    text = f"(select length(name || '{'x' * 9_000}') as a from stores)"
    for _ in range(4):
        text = f"(select q.a from stores t join {text} q on length(t.name) = q.a)"
        text = f"(select {' + '.join(['a'] * 6)} as a from {text} q offset 0)"
    text = f"select q.a from stores t join {text} q on length(t.name) = q.a"
    seattle = (await tenants.principals(opened, ["seattle"]))["seattle"]
    assert (await Agent(opened).query(seattle, text)).rows == []
    with role_settings(module_database, "store_manager set zava.max_cost = '1e30'"):
        await opened.refresh()
        with pytest.raises(LimitExceeded, match="cannot be estimated"):
            await Agent(opened).query(seattle, text)
        assert (await Agent(opened).query(seattle, "select 1")).rows == [(1,)]


async def test_temporary_files_have_a_cap_where_the_administrator_sets_one(module_database):
    with role_settings(module_database, "zava_gateway set temp_file_limit = '64kB'"):
        async with tenants.opened(module_database, work_mem="64kB") as opened:
            seattle = (await tenants.principals(opened, ["seattle"]))["seattle"]
            sort = "select md5(g::text) from generate_series(1, 30000) as g order by 1"
            with pytest.raises(LimitExceeded, match="temporary space"):
                await fetch(opened, seattle, sort, 30_000)


LONG = "(select string_agg(md5(n::text), '') from generate_series(1, {}) as n)"


@pytest.mark.parametrize("runner", ["never", "always"])
@pytest.mark.parametrize(
    "sql",
    [
        f"select {LONG.format(3_000)} from generate_series(1, 9_000)",  # many rows of 96 kB
        f"select {LONG.format(1_500_000)}",  # one value of 48 MB
        f"select {LONG.format(1_500_000)}::int",  # and one within an error
    ],
)
async def test_an_answer_cannot_fill_the_memory(module_database, sql, runner):
    async with tenants.opened(module_database, pool_max=2, runner=runner) as database:
        seattle = (await tenants.principals(database, ("seattle",)))["seattle"]
        agent = Agent(database)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(LimitExceeded, match="32 MB"):
            await agent.query(seattle, sql, max_rows=9_000)
        with pytest.raises(LimitExceeded, match="32 MB"):
            await fetch(database, seattle, sql, 9_000)  # without the guard
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
        for _ in range(3):
            assert (await agent.query(seattle, "select 1")).rows == [(1,)]
        # What fits is whole, and what came before does not count.
        for _ in range(2):
            (row,) = (await agent.query(seattle, f"select {LONG.format(600_000)}")).rows
            assert len(row[0]) == 19_200_000
        assert database.gateway.get_size() <= 2
    with psycopg.connect(module_database.admin_url) as connection:
        assert connection.execute(STILL_RUNNING).fetchone() == (0,)


async def test_what_was_left_of_a_limit_is_no_limit_for_what_follows(opened):
    (seattle,) = (await tenants.principals(opened, ("seattle",))).values()
    async with tenant_session(opened, seattle) as connection:
        async with connection.inflow.limited(10_000):
            await connection.fetchval("select 1")
        assert len(await connection.fetchval("select repeat('x', 20000)")) == 20_000


@pytest.mark.parametrize("runner", ["never", "always"])
async def test_an_answer_has_a_million_values_at_most(module_database, runner):
    # While they are turned into an answer no other tenant is served: five millions took seconds.
    wide = "select " + ", ".join(["'ab'"] * 900) + " from generate_series(1, {})"
    async with tenants.opened(module_database, pool_max=1, runner=runner) as database:
        (seattle,) = (await tenants.principals(database, ("seattle",))).values()
        agent = Agent(database)
        for there, given in ((1_111, 1_111), (1_112, 1_111), (20, 20)):
            found = await agent.query(seattle, wide.format(there), max_rows=10_000)
            assert (found.row_count, found.truncated) == (given, there > given)
            assert found.values[-1][-1] == "ab"


async def test_arrays_have_four_megabytes_at_most(opened):
    # Three million lists of lists kept the others waiting for ten seconds, and took 1.2 GB.
    nested = "select array_agg(array[array[array[1]]]) from generate_series(1, {})"
    (seattle,) = (await tenants.principals(opened, ("seattle",))).values()
    agent = Agent(opened)
    with pytest.raises(LimitExceeded, match="4 MB"):
        await agent.query(seattle, nested.format(520_000))
    ((found,),) = (await agent.query(seattle, nested.format(10_000))).rows
    assert found == [[[[1]]]] * 10_000


async def test_one_tenant_never_holds_all_connections(module_database):
    async with tenants.opened(module_database, pool_max=3, max_concurrent=2) as opened:
        agent = Agent(opened)
        people = await tenants.principals(opened, ("seattle", "tacoma"))
        noisy = [
            asyncio.create_task(agent.query(people["seattle"], tenants.SLOW)) for _ in range(6)
        ]
        try:
            await asyncio.sleep(0.1)
            async with asyncio.timeout(20):
                for _ in range(5):
                    await agent.query(people["tacoma"], "select 1")
            assert not any(one.done() for one in noisy)
        finally:
            for one in noisy:
                one.cancel()
            await asyncio.wait(noisy)


# A function within which PostgreSQL looks for no request to stop, for a second or two.
DEAF = """
select length(ltrim(t.x, u.y))
from (select string_agg(chr(20000), '') as x from generate_series(1, 60000)) as t,
    (select string_agg(chr(10000 + i), '') as y from generate_series(1, 10000) as i) as u
"""


async def test_whoever_hangs_up_has_no_other_turn_until_the_query_ends(module_database):
    given = {"pool_min": 3, "pool_max": 3, "max_concurrent": 1, "pool_timeout": 0.1}
    async with tenants.opened(module_database, **given) as opened:
        agent = Agent(opened)
        people = await tenants.principals(opened, ("seattle", "tacoma"))
        asked = asyncio.create_task(agent.query(people["seattle"], DEAF))
        with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
            await until(lambda: connection.execute(STILL_RUNNING).fetchone() == (1,))
        await asyncio.sleep(0.3)  # until the function has begun, which nothing tells
        asked.cancel()
        await asyncio.wait({asked})
        with pytest.raises(LimitExceeded, match="of this tenant"):
            await agent.query(people["seattle"], "select 1")
        assert await agent.query(people["tacoma"], "select 1")
        await asyncio.wait({*opened._returning})  # noqa: SLF001
        assert await agent.query(people["seattle"], "select 1")


MEGABYTE = "select string_agg(md5(n::text), '') from generate_series(1, 31_260) as n"

# Not much more than what is let in, some of which PostgreSQL may keep back; then the function.
MUCH_AND_DEAF = f"""
select case when n > 32 then length(ltrim(t.x, u.y))::text else ({MEGABYTE}) end
from{DEAF.partition("from")[2]}, generate_series(1, 33) as n
"""


@pytest.mark.parametrize(
    ("sql", "seconds", "ends"),
    [
        # asyncpg would cut the connection after command_timeout once more.
        (DEAF.replace("60000", "90000"), 0.5, QueryTimeout),
        (MUCH_AND_DEAF, 30, LimitExceeded),
    ],
)
async def test_what_cannot_be_stopped_is_counted_until_it_ends(module_database, sql, seconds, ends):
    given = {"pool_min": 3, "pool_max": 3, "max_concurrent": 1, "pool_timeout": 0.1}
    async with tenants.opened(module_database, command_timeout=seconds, **given) as opened:
        agent = Agent(opened)
        (seattle,) = (await tenants.principals(opened, ("seattle",))).values()
        with pytest.raises(ends):
            await agent.query(seattle, sql)
        with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
            assert connection.execute(STILL_RUNNING).fetchone() == (1,)
            refused = 0
            async with asyncio.timeout(60):
                while True:
                    try:
                        await agent.query(seattle, "select 1")
                        break
                    except LimitExceeded:
                        refused += 1
            assert refused
            assert connection.execute(STILL_RUNNING).fetchone() == (0,)


@pytest.mark.parametrize("runner", ["never", "always"])
async def test_who_is_disabled_while_waiting_for_a_turn_is_told(
    module_database, admin_connection, runner
):
    async with tenants.opened(module_database, max_concurrent=1, runner=runner) as opened:
        seattle = (await tenants.principals(opened, ["seattle"]))["seattle"]
        async with opened.turns.turn(seattle.role, 1, 0.1):
            asking = asyncio.create_task(
                Agent(opened).query(seattle, "select count(*) from retail.orders")
            )
            await asyncio.sleep(0)
            admin_connection.execute("select zava.disable_principal('seattle')")
        try:
            with pytest.raises(AuthorizationError, match="the principal seattle is disabled"):
                await asking
        finally:
            admin_connection.execute("select zava.enable_principal('seattle')")


async def test_lists_of_names_take_turns_as_queries_do(module_database):
    given = {"pool_min": 2, "pool_max": 2, "max_concurrent": 1, "pool_timeout": 0.1}
    async with tenants.opened(module_database, **given) as opened:
        people = await tenants.principals(opened, ("seattle", "tacoma"))
        async with opened.turns.turn(people["seattle"].role, 1, 0.1):
            for ask in (list_names, describe_schema):
                with pytest.raises(LimitExceeded, match="of this tenant"):
                    await ask(opened, people["seattle"])
                assert await ask(opened, people["tacoma"])
        assert await list_names(opened, people["seattle"])


@pytest.mark.once
async def test_turns_are_fair():
    turns = Turns(2)
    served: list[str] = []
    release = asyncio.Event()

    async def call(tenant: str, limit: int = 2) -> None:
        async with turns.turn(tenant, limit, 20):
            served.append(tenant)
            await release.wait()
            await asyncio.sleep(0)

    calls = [asyncio.create_task(call("a")) for _ in range(6)]
    await asyncio.sleep(0)
    calls += [asyncio.create_task(call(tenant)) for tenant in "bcb"]
    await asyncio.sleep(0)
    assert served == ["a", "a"]
    release.set()
    await asyncio.gather(*calls)
    # Those who had nothing yet come first, however many calls of the other came before.
    assert sorted(served[2:4]) == ["b", "c"]
    assert len(served) == 9
    assert turns._free == 2  # noqa: SLF001 - nothing is lost
    assert not turns._running  # noqa: SLF001
    assert not turns._waiting  # noqa: SLF001


class Caller:
    """A task that asks for a turn, and keeps it until it may leave."""

    def __init__(self, turns: Turns, tenant: str, limit: int = 9) -> None:
        self.begun, self.may_leave = asyncio.Event(), asyncio.Event()
        self.then: Callable[[], object] = bool  # done at once as it leaves
        self.task = asyncio.create_task(self._call(turns, tenant, limit))

    async def _call(self, turns: Turns, tenant: str, limit: int) -> None:
        async with turns.turn(tenant, limit, 20):
            self.begun.set()
            await self.may_leave.wait()
        self.then()

    async def leave(self) -> None:
        await self.begun.wait()
        self.may_leave.set()
        await self.task
        await asyncio.sleep(0)  # whoever got its turn begins


@pytest.mark.once
async def test_the_next_turn_is_of_who_has_least_and_never_above_a_limit():
    turns = Turns(3)
    first, second, other = Caller(turns, "a", 2), Caller(turns, "a", 2), Caller(turns, "b")
    third = Caller(turns, "a", 2)
    await other.leave()
    assert not third.begun.is_set(), "there is room, and none for this tenant"
    await first.leave()
    assert third.begun.is_set()
    fourth = Caller(turns, "a", 2)
    await asyncio.wait([fourth.task], timeout=0.01)
    assert not fourth.begun.is_set(), "one that left has not taken the other's turn along"
    fourth.task.cancel()
    await asyncio.wait([fourth.task])

    # The last turn of "a" is longer ago, but it has two.
    other = Caller(turns, "b")
    a, b = Caller(turns, "a"), Caller(turns, "b")
    await other.leave()
    assert not a.begun.is_set()
    assert b.begun.is_set()

    # Who is gone as its turn comes gives it on.
    await second.leave()
    gone = Caller(turns, "c")
    third.then = gone.task.cancel
    await third.leave()
    await asyncio.wait([gone.task])
    assert not gone.begun.is_set()
    for one in (a, b):
        await one.leave()
    assert turns._free == 3  # noqa: SLF001 - nothing is lost
    assert not turns._running  # noqa: SLF001


@pytest.mark.once
async def test_turns_end_for_those_who_give_up():
    turns = Turns(1)
    async with turns.turn("a", 1, 1):
        with pytest.raises(LimitExceeded, match="1 queries of this tenant"):
            async with turns.turn("a", 1, 0.01):
                pass
        with pytest.raises(LimitExceeded, match="all database connections"):
            async with turns.turn("b", 1, 0.01):
                pass
        waiting = [asyncio.create_task(hold(turns, "b")) for _ in range(101)]
        await asyncio.sleep(0)
        assert [one.done() for one in waiting].count(True) == 1  # more do not even wait
        for one in waiting[:30]:
            one.cancel()
        await asyncio.sleep(0)
        for one in waiting[30:60]:
            one.cancel()  # it has not heard of that as the next one is looked for
    done, _ = await asyncio.wait(waiting)
    assert sum(one.cancelled() for one in done) == 60
    assert sum(one.result() for one in done if not one.cancelled()) == 40  # got their turn
    async with turns.turn("c", 1, 1):
        assert turns._free == 0  # noqa: SLF001
    assert turns._free == 1  # noqa: SLF001
    assert not turns._waiting  # noqa: SLF001


async def hold(turns: Turns, tenant: str) -> bool:
    try:
        async with turns.turn(tenant, 1, 20):
            await asyncio.sleep(0)
    except LimitExceeded:
        return False
    return True
