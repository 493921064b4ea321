"""The database goes away and comes back: what is tried again, what is refused, what recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import conftest
import psycopg
import pytest
import tenants
from mcp_clients import bearing
from network import network
from psycopg import sql
from waiting import until

from zava_sql.agent import fetch
from zava_sql.auth import Identities
from zava_sql.connections import CONNECTION_ERRORS
from zava_sql.errors import (
    DatabaseError,
    LimitExceeded,
    QueryTimeout,
    ServiceUnavailable,
    ZavaError,
)
from zava_sql.local_postgres import LocalPostgres
from zava_sql.principals import find_principal
from zava_sql.retry import Breaker, is_lost, is_retryable, retrying

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.once]

# Fails with a SQLSTATE until a moment in time, as a conflict does; a later attempt succeeds.
FLAKY = """
create function api.flaky(p_sqlstate text, p_until timestamptz) returns text
language plpgsql as $$
begin
    if clock_timestamp() < p_until then
        raise exception 'not yet' using errcode = p_sqlstate;
    end if;
    return 'done';
end;
$$;
grant execute on function api.flaky(text, timestamptz) to store_manager;
"""


async def eventually(work):
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(ServiceUnavailable):
                return await work()
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def flaky(module_database: conftest.Database) -> conftest.Database:
    tenants.fill(module_database)
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        connection.execute(FLAKY)
    return module_database


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "53300", "57P01", "57P03", "08006"])
async def test_what_a_moment_heals_is_tried_again(flaky, sqlstate):
    changes = {"retry_attempts": 10, "breaker_failures": 100, "pool_min": 0}
    async with tenants.opened(flaky, **changes) as database:
        seattle = await find_principal(database, "seattle")
        for _ in range(50):
            # Some get a second attempt only, and the wait before it is random.
            later = time.time() + database.clock_offset + 0.05
            sql = f"select api.flaky('{sqlstate}', to_timestamp({later}))"
            with contextlib.suppress(ZavaError):
                assert (await fetch(database, seattle, sql, 1)).rows == [("done",)]
                if database.breakers[0].take_retries():
                    break
            database.breakers[0].take_retries()
        else:
            pytest.fail("no attempt succeeded after one that failed")


@pytest.mark.parametrize("sqlstate", ["57014", "42501", "22012", "P0001", "53200", "25006"])
async def test_what_no_moment_heals_is_tried_once(flaky, sqlstate):
    async with tenants.opened(flaky, retry_attempts=10) as database:
        seattle = await find_principal(database, "seattle")
        sql = f"select api.flaky('{sqlstate}', 'infinity')"
        with pytest.raises(DatabaseError):
            await fetch(database, seattle, sql, 1)
        assert database.breakers[0].take_retries() == 0
        assert database.breakers[0].state == "closed"


FAR = """
create extension if not exists postgres_fdw;
create server far foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
create user mapping for public server far options (user 'nobody', password 'none');
create foreign table retail.far (store_id uuid) server far;
grant select on retail.far to store_manager;
"""


async def test_a_foreign_server_that_is_away_is_not_taken_for_the_database(flaky):
    admin = await asyncpg.connect(flaky.admin_url)
    try:
        await admin.execute(FAR)
    except asyncpg.FeatureNotSupportedError as error:
        pytest.skip(f"not on this server: {error}")
    changes = {"retry_attempts": 2, "breaker_failures": 1}
    try:
        async with tenants.opened(flaky, **changes) as database:
            seattle = await find_principal(database, "seattle")
            before = await fetch(database, seattle, "select pg_backend_pid()", 1)
            with pytest.raises(ServiceUnavailable, match="another server that the query reads"):
                await fetch(database, seattle, "select count(*) from retail.far", 1)
            assert database.breakers[0].take_retries() == 1
            assert database.breakers[0].state == "closed"
            # Nor is the connection replaced, with all others.
            after = await fetch(database, seattle, "select pg_backend_pid()", 1)
            assert after.rows == before.rows
    finally:
        await admin.execute("drop extension postgres_fdw cascade")
        await admin.close()


# Is called while a query is planned, and waits for whoever has the lock.
PLANNED = """
create function api.planned() returns text language plpgsql immutable as $$
begin
    perform pg_advisory_xact_lock_shared(4711);
    -- Taking the lock of a table, a session hears of what others have changed.
    perform from retail.categories;
    return 'planned';
end;
$$;
grant execute on function api.planned() to store_manager;
"""
REPLACED = """
drop function if exists api.replaced();
create function api.replaced() returns text language plpgsql stable as 'begin return ''new''; end';
grant execute on function api.replaced() to store_manager;
"""


async def test_a_function_that_is_replaced_while_a_query_is_planned_is_called_as_it_is_now(flaky):
    admin = await asyncpg.connect(flaky.admin_url)
    waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    try:
        await admin.execute(f"{PLANNED} {REPLACED} select pg_advisory_lock(4711)")
        async with tenants.opened(flaky, retry_attempts=2) as database:
            seattle = await find_principal(database, "seattle")
            sql = "select api.planned(), api.replaced()"
            asked = asyncio.create_task(fetch(database, seattle, sql, 1))
            while not await admin.fetchval(waits):  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.01)
            await admin.execute(REPLACED)
            await admin.execute("select pg_advisory_unlock(4711)")
            assert (await asked).rows == [("planned", "new")]
            # Or nothing was proved: the first attempt had the function that is gone.
            assert database.breakers[0].take_retries() == 1
    finally:
        await admin.execute("drop function api.planned(), api.replaced()")
        await admin.close()


async def test_a_disk_that_is_full_is_no_error_of_the_query(flaky):
    async with tenants.opened(flaky) as database:
        seattle = await find_principal(database, "seattle")
        with pytest.raises(ServiceUnavailable, match="no room left on its disk"):
            await fetch(database, seattle, "select api.flaky('53100', 'infinity')", 1)
        assert database.breakers[0].state == "closed"


async def test_attempts_end_and_a_statement_that_may_kill_is_repeated_once(flaky):
    changes = {"retry_attempts": 3, "breaker_failures": 100, "pool_min": 0}
    async with tenants.opened(flaky, **changes) as database:
        seattle = await find_principal(database, "seattle")
        for sqlstate, retries in (("40001", 2), ("57P02", 1)):
            with pytest.raises(ZavaError) as caught:
                await fetch(database, seattle, f"select api.flaky('{sqlstate}', 'infinity')", 1)
            assert caught.value.hint == "Try again in a moment."
            assert database.breakers[0].take_retries() == retries


async def test_no_attempt_begins_after_the_callers_time(flaky):
    changes = {"retry_attempts": 10, "statement_timeout": 0.5}
    async with tenants.opened(flaky, **changes) as database:
        seattle = await find_principal(database, "seattle")
        sql = "select api.flaky('40001', 'infinity'), count(*) from generate_series(1, 1000)"
        # On a slow machine the time is over within an attempt.
        with pytest.raises((DatabaseError, QueryTimeout)):
            await fetch(database, seattle, sql, 1)
        assert database.breakers[0].take_retries() < 9


async def test_another_attempt_ends_with_the_callers_time():
    attempts = iter([OSError(), None])

    async def work() -> None:
        if error := next(attempts):
            raise error
        await asyncio.sleep(30)

    async def lost() -> None:
        pass

    breaker = Breaker("gateway", failures=5, seconds=5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10) as patience:
            await retrying(work, breaker, attempts=2, seconds=0.5, lost=lost)
    assert not patience.expired()
    assert breaker.take_retries() == 1


async def test_nothing_is_tried_again_for_a_caller_that_has_left(flaky):
    async with tenants.opened(flaky, retry_attempts=10) as database:
        seattle = await find_principal(database, "seattle")
        task = asyncio.create_task(
            fetch(database, seattle, "select api.flaky('40001', 'infinity')", 1)
        )
        await until(database.breakers[0].take_retries)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seen = database.breakers[0].take_retries()
        assert await tenants.own_rows(database, seattle)
        assert database.breakers[0].take_retries() == 0, seen


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ("not connected", True),
        ('cannot switch to "idle" state; protocol is in the "failed" state', True),
        ("cannot switch to state 3; another operation (2) is in progress", True),
        ("cannot switch to state 3; another operation (11) is in progress", False),
    ],
)
def test_a_connection_that_asyncpg_has_not_noticed_to_be_gone_is_lost(said, lost):
    assert is_lost(asyncpg.InternalClientError(said)) == is_retryable(
        asyncpg.InternalClientError(said)
    )
    assert is_lost(asyncpg.InternalClientError(said)) == lost


@pytest.mark.parametrize("steps", range(4))
async def test_whatever_is_noticed_first_of_a_backend_that_was_ended_it_is_lost(
    module_database, steps
):
    connection = await asyncpg.connect(module_database.admin_url)
    with psycopg.connect(module_database.admin_url, autocommit=True) as beside:
        beside.execute("select pg_terminate_backend(%s, 10000)", [connection.get_server_pid()])
    for _ in range(steps):  # its error arrives, and then its end
        await asyncio.sleep(0)
    with pytest.raises((asyncpg.PostgresError, *CONNECTION_ERRORS)) as caught:
        await connection.fetch("select $1::integer", 1)
    assert is_lost(caught.value)


async def ended(breaker: Breaker, error: BaseException, attempts: int = 1) -> int:
    """Have a call end in this way, and say how often it was tried."""
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        raise error

    async def lost() -> None:
        pass

    with pytest.raises(type(error)):
        await retrying(work, breaker, attempts=attempts, seconds=5, lost=lost)
    return tried


def unavailable(cause: BaseException) -> ServiceUnavailable:
    error = ServiceUnavailable("the database cannot be reached")
    error.__cause__ = cause
    return error


async def test_a_call_that_found_nothing_out_leaves_that_to_the_next():
    breaker = Breaker("gateway", failures=1, seconds=0.001)
    breaker.missed()
    for error in (asyncio.CancelledError(), LimitExceeded("all are busy"), TimeoutError()):
        await asyncio.sleep(0.01)
        await ended(breaker, error)
        assert breaker.state == "open", "half-open it would let nobody through for ever"
    await asyncio.sleep(0.01)
    await ended(breaker, asyncpg.UndefinedTableError("no such table"))
    assert breaker.state == "closed", "that is an answer"


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (TimeoutError(), False),  # of a statement
        (unavailable(TimeoutError()), True),  # of a connection
        (unavailable(ConnectionRefusedError()), True),
        (unavailable(asyncpg.TooManyConnectionsError("all are taken")), False),
        (asyncpg.TargetServerAttributeNotMatched("no primary among them"), True),
        (asyncpg.UndefinedTableError("no such table"), False),
    ],
)
async def test_only_who_finds_nobody_opens_the_breaker(error, away):
    breaker = Breaker("gateway", failures=1, seconds=1)
    await ended(breaker, error)
    assert breaker.state == ("open" if away else "closed")


@pytest.mark.parametrize(
    ("error", "tried"),
    [
        (asyncpg.AdminShutdownError("ended"), 2),
        (asyncpg.CrashShutdownError("ended"), 2),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"), 2),
        (unavailable(ConnectionRefusedError()), 4),
        (unavailable(TimeoutError()), 1),
    ],
)
async def test_what_may_have_ended_the_server_is_repeated_once(monkeypatch, error, tried):
    monkeypatch.setattr("zava_sql.retry.random.uniform", lambda *_: 0)
    assert await ended(Breaker("gateway", failures=100, seconds=1), error, attempts=4) == tried


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_call_find_out():
    breaker = Breaker("gateway", failures=2, seconds=0.02)
    breaker.missed()
    breaker.heard()
    breaker.missed()
    breaker.admit()
    assert breaker.state == "closed"
    breaker.missed()
    assert breaker.state == "open"
    with pytest.raises(ServiceUnavailable, match="away") as caught:
        breaker.admit()
    assert caught.value.hint == "Try again in 1 seconds."
    time.sleep(0.02)
    breaker.admit()
    assert breaker.state == "half-open"
    with pytest.raises(ServiceUnavailable):
        breaker.admit()  # one is enough to find out
    breaker.left()  # cancelled: that says nothing
    breaker.admit()
    breaker.missed()
    with pytest.raises(ServiceUnavailable):
        breaker.admit()  # and it waits anew
    time.sleep(0.02)
    breaker.admit()
    breaker.heard()
    assert breaker.state == "closed"
    breaker.admit()


def test_a_breaker_asks_soon_at_first_and_less_often_while_nobody_answers(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    breaker = Breaker("gateway", failures=1, seconds=5)

    def refused() -> float:
        nonlocal now
        begun = now
        while True:
            try:
                breaker.admit()
            except ServiceUnavailable:
                now += 1 / 64
            else:
                return now - begun

    for wait in (0.25, 0.5, 1, 2, 4, 5, 5):
        breaker.missed()
        breaker.missed()  # of a call that was on its way
        assert refused() == wait
    breaker.heard()
    breaker.missed()
    assert refused() == 0.25


# ---------------------------------------------------------------- a server of one's own


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[LocalPostgres, conftest.Database]]:
    home = Path(tempfile.mkdtemp(prefix="zava-test-"))
    home.chmod(0o755)
    bindir = conftest.binaries("18")
    postgres = LocalPostgres(home, bindir=bindir, settings={"max_connections": "30"}, sync=False)
    try:
        postgres.start()
        status = postgres.status()
        server = conftest.Server(
            status.host, status.port, "postgres", postgres.password("postgres")
        )
        with server.janitor("zava"):
            conftest.prepare(server, "zava")
            database = conftest.Database(server, "zava")
            tenants.fill(database)
            yield postgres, database
    finally:
        postgres.stop()
        shutil.rmtree(postgres.status().data, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


async def test_queries_succeed_again_after_the_server_was_killed_and_came_back(postgres):
    server, copy = postgres
    changes = {"pool_min": 3, "pool_max": 3, "breaker_failures": 4, "breaker_seconds": 0.2}
    async with tenants.opened(copy, **changes) as database:
        seattle = await find_principal(database, "seattle")
        everything = await tenants.own_rows(database, seattle)
        running = asyncio.create_task(fetch(database, seattle, "select pg_sleep(60)::text", 1))
        await until(lambda: database.gateway.get_size() > database.gateway.get_idle_size())
        os.kill(server.status().pid, signal.SIGKILL)
        with pytest.raises(ServiceUnavailable):
            await running
        # Calls fail, each in its own time; then they are refused without being tried.
        while database.breakers[0].state == "closed":
            with pytest.raises(ServiceUnavailable):
                await tenants.own_rows(database, seattle)
        with pytest.raises(ServiceUnavailable, match="no further calls"):
            await tenants.own_rows(database, seattle)
        with pytest.raises(ServiceUnavailable):
            await find_principal(database, "seattle")
        await asyncio.to_thread(server.start)
        assert await eventually(lambda: tenants.own_rows(database, seattle)) == everything
        assert database.breakers[0].state == "closed"
        assert await eventually(lambda: find_principal(database, "seattle")) == seattle
        several = [tenants.own_rows(database, seattle) for _ in range(6)]
        assert await asyncio.gather(*several) == [everything] * 6


async def test_a_breaker_closes_though_nobody_calls(postgres):
    """Else a quiet server would tell for hours that the database is away."""
    async with tenants.opened(postgres[1], breaker_seconds=0.2) as database:
        for breaker in database.breakers:
            while breaker.state == "closed":
                breaker.missed()
        await database.gateway.expire_connections()
        await eventually(database.refresh)
        assert [breaker.state for breaker in database.breakers] == ["closed", "closed"]


@pytest.mark.parametrize(
    ("shut", "said"),
    [
        ("alter role zava_gateway connection limit 0", "takes no more connections"),
        ("alter role zava_gateway nologin", "refuses this server"),
        ("revoke connect on database zava from zava_gateway, public", "refuses this server"),
    ],
    ids=["no room", "no login", "no right"],
)
async def test_no_caller_is_blamed_for_a_connection_that_is_refused(postgres, shut, said):
    _, copy = postgres
    async with tenants.opened(copy, pool_min=0, retry_attempts=1) as database:
        seattle = await find_principal(database, "seattle")
        await database.gateway.expire_connections()
        with psycopg.connect(copy.admin_url, autocommit=True) as admin:
            admin.execute(shut)
            try:
                with pytest.raises(ServiceUnavailable, match=said):
                    await fetch(database, seattle, "select 1", 1)
            finally:
                admin.execute("alter role zava_gateway login connection limit -1")
                admin.execute("grant connect on database zava to public")
        assert (await fetch(database, seattle, "select 1", 1)).rows == [(1,)]


async def test_calls_wait_for_connections_that_the_database_does_give(postgres):
    """A login may have fewer than the pool: who gets none waits as if the pool were as small."""
    _, copy = postgres

    async def asked(database):
        """Ask at once more than there may be, and give the answers and the most connections."""
        seattle = await find_principal(database, "seattle")
        slow = "select count(*) from generate_series(1, 1500000)"
        asking = asyncio.gather(
            *(fetch(database, seattle, slow, 1) for _ in range(20)), return_exceptions=True
        )
        most = 0
        while not asking.done():
            most = max(most, database.gateway.get_size())
            await asyncio.sleep(0.001)
        return [getattr(answer, "rows", answer) for answer in await asking], most

    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("alter role zava_gateway connection limit 3")
        try:
            async with tenants.opened(copy, pool_min=0, pool_max=10, pool_timeout=60) as database:
                assert await asked(database) == ([[(1500000,)]] * 20, 3)
                # It is looked now and then whether there may be more.
                admin.execute("alter role zava_gateway connection limit -1")
                sizes = [(await asked(database))[1] for _ in range(3)]
                assert max(sizes) > 3
        finally:
            admin.execute("alter role zava_gateway connection limit -1")


async def test_who_waits_in_vain_for_a_connection_is_told_that_there_are_no_more(postgres):
    _, copy = postgres
    sessions = "select from pg_stat_activity where usename = 'zava_gateway'"
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("alter role zava_gateway connection limit 1")
        try:
            async with tenants.opened(copy, pool_min=0, pool_max=3, pool_timeout=1) as database:
                seattle = await find_principal(database, "seattle")
                await database.gateway.expire_connections()
                await until(lambda: not admin.execute(sessions).fetchall())
                async with database.gateway.lend():
                    begun = time.monotonic()
                    with pytest.raises(ServiceUnavailable, match="takes no more connections"):
                        await fetch(database, seattle, "select 1", 1)
                    assert 0.9 < time.monotonic() - begun < 3
                    # Who hangs up meanwhile leaves the place to others, all of it.
                    for _ in range(5):
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(0.1):
                                await fetch(database, seattle, "select 1", 1)
                    waiting = asyncio.create_task(fetch(database, seattle, "select 1", 1))
                    await asyncio.sleep(0.1)
                assert (await waiting).rows == [(1,)]
        finally:
            admin.execute("alter role zava_gateway connection limit -1")


async def test_a_stranger_is_not_told_of_the_login_that_is_refused(postgres):
    _, copy = postgres
    async with tenants.opened(copy, retry_attempts=1) as database:
        await database.service.expire_connections()
        with psycopg.connect(copy.admin_url, autocommit=True) as admin:
            admin.execute("alter role zava_service nologin")
            try:
                with pytest.raises(ServiceUnavailable, match="identities cannot be checked"):
                    await Identities(database).authenticate(bearing("x"))
            finally:
                admin.execute("alter role zava_service login")


@pytest.mark.long
async def test_requests_to_cancel_do_not_pile_up_where_nobody_answers(flaky):
    async with (
        network(f"{flaky.server.host}:{flaky.server.port}") as between,
        tenants.opened(
            flaky, database_url=between.url(flaky.gateway_url), command_timeout=1
        ) as database,
    ):
        seattle = await find_principal(database, "seattle")
        await fetch(database, seattle, "select 1", 1)
        between.hush(for_ever=True)
        before = len(between.accepted)
        with pytest.raises(QueryTimeout):
            await fetch(database, seattle, "select 2", 1)
        await until(lambda: not database._returning)  # noqa: SLF001
        # asyncpg asks once, and we again as long as nobody answers, one at a time.
        assert len(between.accepted) - before <= 6


async def test_a_restart_between_two_calls_goes_unnoticed(postgres):
    server, copy = postgres
    async with tenants.opened(copy, pool_min=2, pool_max=2) as database:
        seattle = await find_principal(database, "seattle")
        everything = await tenants.own_rows(database, seattle)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert await tenants.own_rows(database, seattle) == everything
        assert await find_principal(database, "seattle") == seattle


async def test_a_url_may_name_several_hosts_and_the_kind_that_is_wanted(postgres):
    _, copy = postgres
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()[1]
    host = f"{copy.server.host}:{copy.server.port}"
    several = {
        name: url.replace(host, f"127.0.0.1:{dead},{host}") + "?target_session_attrs=read-write"
        for name, url in (("database_url", copy.gateway_url), ("service_url", copy.service_url))
    }
    async with tenants.opened(copy, **several) as database:
        seattle = await find_principal(database, "seattle")
        assert await tenants.own_rows(database, seattle)


async def test_a_query_waits_for_the_primary_that_another_host_becomes(postgres):
    """Until it is promoted, no host that the URL names takes writes."""
    _, copy = postgres
    writes = {
        name: f"{url}?target_session_attrs=read-write"
        for name, url in (("database_url", copy.gateway_url), ("service_url", copy.service_url))
    }
    async with tenants.opened(copy, retry_attempts=10, breaker_failures=100, **writes) as database:
        seattle = await find_principal(database, "seattle")
        expected = await tenants.own_rows(database, seattle)
        with psycopg.connect(copy.admin_url, autocommit=True) as admin:
            name = sql.Identifier(copy.dbname)
            admin.execute(
                sql.SQL("alter database {} set default_transaction_read_only = on").format(name)
            )
            try:
                admin.execute(
                    "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                    " where usename in ('zava_gateway', 'zava_service')"
                )
                asking = asyncio.create_task(tenants.own_rows(database, seattle))
                again = 0
                while not asking.done() and again < 2:  # the first is of the old connection
                    await asyncio.sleep(0.01)
                    again += database.breakers[0].take_retries()
            finally:
                admin.execute("set default_transaction_read_only = off")
                admin.execute(sql.SQL("alter database {} reset all").format(name))
        assert await asking == expected
