"""The session of one tenant: how it ends, what it answers, and with what it refuses to open."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import itertools
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import pytest
import tenants
from asyncpg import connect_utils
from psycopg import sql
from pydantic import SecretStr
from waiting import until

from zava_sql.agent import fetch
from zava_sql.context import ContextKey
from zava_sql.errors import (
    AuthorizationError,
    ConfigurationError,
    DatabaseError,
    LimitExceeded,
    QueryTimeout,
    ServiceUnavailable,
)
from zava_sql.principals import Principal, find_principal
from zava_sql.render import to_csv
from zava_sql.tenant import tenant_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

    import conftest

    from zava_sql.database import Database

pytestmark = pytest.mark.anyio

PATIENCE = 20.0


@pytest.fixture(scope="module")
def truth(module_database: conftest.Database) -> tenants.Truth:
    return tenants.fill(module_database)


@pytest.fixture
async def database(
    module_database: conftest.Database,
    truth: tenants.Truth,  # noqa: ARG001 - the rows must be there
) -> AsyncIterator[Database]:
    async with tenants.opened(module_database, pool_timeout=PATIENCE) as found:
        yield found


@pytest.fixture
async def seattle(database: Database) -> Principal:
    return (await tenants.principals(database, ["seattle"]))["seattle"]


def running(admin: psycopg.Connection) -> int | None:
    """Find the backend that runs the slow query, and not one that only prepares it."""
    row = admin.execute(
        "select a.pid from pg_stat_activity as a where a.usename = 'zava_gateway'"
        " and a.state = 'active' and a.query like '%%retail.products as p4%%'"
        " and a.datname = current_database()"
        " and a.query_start < clock_timestamp() - interval '0.2 s'"
    ).fetchone()
    return row[0] if row else None


async def pid_of(database: Database) -> int:
    async with database.gateway.lend() as connection:
        return connection.get_server_pid()


# What a database may set for everybody: each of these would change answers, or what a text says.
ELSEWHERE = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "90s",
    "work_mem": "64kB",
    "default_transaction_isolation": "serializable",
    "jit": "on",
    "TimeZone": "Asia/Kolkata",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "bytea_output": "escape",
    "quote_all_identifiers": "on",
    "extra_float_digits": "-3",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
    "client_connection_check_interval": "0",
    "search_path": "public",
}


@pytest.mark.parametrize("pooler", [None, "transaction"])
async def test_a_session_is_the_same_whatever_a_database_sets(module_database, truth, pooler):  # noqa: ARG001
    names = [*ELSEWHERE, "transaction_isolation"]
    ours = "select " + ", ".join(f"current_setting('{name}')" for name in names)

    async def session() -> dict[str, object]:
        async with tenants.opened(module_database, pooler=pooler) as database:
            seattle = await find_principal(database, "seattle")
            (row,) = (await fetch(database, seattle, ours, 1)).rows
            return dict(zip(names, row, strict=True))

    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        database = sql.Identifier(module_database.dbname)
        try:
            for name, value in ELSEWHERE.items():
                change = sql.SQL("alter database {} set {} to {}")
                path = sql.SQL(value) if name == "search_path" else sql.Literal(value)
                admin.execute(change.format(database, sql.Identifier(name), path))
            there = await session()
        finally:
            admin.execute(sql.SQL("alter database {} reset all").format(database))
    assert {name for name, value in ELSEWHERE.items() if there[name] == value} == set()
    assert there == await session()


# ------------------------------------------------------------------------------- how it ends


async def test_a_cancelled_caller_ends_its_query_and_its_connection(
    database: Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
) -> None:
    before = await pid_of(database)
    task = asyncio.create_task(fetch(database, seattle, tenants.SLOW, 1))
    assert await until(lambda: running(admin_connection)) == before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: running(admin_connection) is None)
    assert await tenants.own_rows(database, seattle) == truth.of("seattle")
    assert await pid_of(database) != before


async def test_a_cancel_request_that_is_lost_is_sent_again(
    database: Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As where it arrives before PostgreSQL has begun with the query, on a busy machine.
    send, sent = connect_utils._cancel, []  # noqa: SLF001 - there is no other way to lose one

    async def lossy(**request: Any) -> None:
        sent.append(request)
        if len(sent) > 1:
            await send(**request)

    monkeypatch.setattr(connect_utils, "_cancel", lossy)
    task = asyncio.create_task(fetch(database, seattle, tenants.SLOW, 1))
    await until(lambda: running(admin_connection))
    task.cancel()
    await until(lambda: running(admin_connection) is None)
    assert len(sent) > 1
    assert await tenants.own_rows(database, seattle) == truth.of("seattle")


async def test_a_caller_cancelled_between_two_queries_ends_its_connection(
    database: Database, seattle: Principal, truth: tenants.Truth
) -> None:
    before = await pid_of(database)
    entered = asyncio.Event()

    async def idle() -> None:
        async with tenant_session(database, seattle):
            entered.set()
            await asyncio.sleep(PATIENCE)

    task = asyncio.create_task(idle())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await tenants.own_rows(database, seattle) == truth.of("seattle")
    assert await pid_of(database) != before


async def test_a_timeout_of_the_statement_keeps_the_connection(
    module_database: conftest.Database, seattle: Principal, truth: tenants.Truth
) -> None:
    async with tenants.opened(module_database, statement_timeout=2) as database:
        before = await pid_of(database)
        with pytest.raises(QueryTimeout, match=r"longer than 2 seconds") as caught:
            await fetch(database, seattle, tenants.SLOW, 1)
        assert caught.value.hint
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")
        assert await pid_of(database) == before


async def test_a_limit_of_transactions_that_all_have_ends_no_connection(
    database: Database, seattle: Principal
) -> None:
    before = await pid_of(database)
    async with database.gateway.lend() as connection:
        if connection.get_server_version() < (17,):
            pytest.skip("there is none before PostgreSQL 17")
        # As a database or the server may set it; one tenant could shut out all others with it.
        await connection.execute("set transaction_timeout = '500ms'")
    answer = await fetch(database, seattle, "select pg_sleep(0.7)::text, pg_backend_pid()", 1)
    assert answer.rows == [("", before)]


async def test_a_timeout_of_the_client_ends_the_connection(
    module_database: conftest.Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
) -> None:
    async with tenants.opened(module_database, command_timeout=2) as database:
        before = await pid_of(database)
        with pytest.raises(QueryTimeout, match=r"longer than 2 seconds"):
            await fetch(database, seattle, tenants.SLOW, 1)
        await until(lambda: running(admin_connection) is None)
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")
        assert await pid_of(database) != before


async def test_a_query_that_an_administrator_stops_is_not_said_to_have_taken_long(
    database: Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
) -> None:
    task = asyncio.create_task(fetch(database, seattle, tenants.SLOW, 1))
    pid = await until(lambda: running(admin_connection))

    def stopped() -> bool:
        # What comes before PostgreSQL has begun with the query is lost.
        if not task.done() and running(admin_connection):
            admin_connection.execute("select pg_cancel_backend(%s)", [pid])
        return task.done()

    await until(stopped)
    with pytest.raises(DatabaseError, match="the query was stopped") as caught:
        await task
    assert caught.value.sqlstate == "57014"
    assert "administrator" in caught.value.hint
    assert await tenants.own_rows(database, seattle) == truth.of("seattle")
    assert await pid_of(database) == pid


async def test_a_killed_backend_is_said_to_be_unavailable_and_replaced(
    module_database: conftest.Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
) -> None:
    async with tenants.opened(module_database, retry_attempts=1) as database:
        task = asyncio.create_task(fetch(database, seattle, tenants.SLOW, 1))
        pid = await until(lambda: running(admin_connection))
        admin_connection.execute("select pg_terminate_backend(%s)", [pid])
        with pytest.raises(ServiceUnavailable, match="connection to the database was lost"):
            await task
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")


async def test_a_backend_killed_while_idle_costs_one_answer_at_most(
    database: Database,
    seattle: Principal,
    truth: tenants.Truth,
    admin_connection: psycopg.Connection,
) -> None:
    pid = await pid_of(database)
    admin_connection.execute("select pg_terminate_backend(%s, 5000)", [pid])
    with contextlib.suppress(ServiceUnavailable):
        await tenants.own_rows(database, seattle)
    assert await tenants.own_rows(database, seattle) == truth.of("seattle")


async def test_a_full_pool_is_a_limit_and_not_a_queue_without_end(
    module_database: conftest.Database, seattle: Principal, truth: tenants.Truth
) -> None:
    async with tenants.opened(module_database, pool_timeout=0.1) as database:
        async with tenant_session(database, seattle):
            with pytest.raises(LimitExceeded, match="busy") as caught:
                await fetch(database, seattle, "select 1", 1)
            assert "ZAVA_POOL_MAX" in caught.value.hint
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")


async def test_a_kept_statement_follows_a_table_that_changes(
    database: Database, seattle: Principal, admin_connection: psycopg.Connection
) -> None:
    async def change(statement: str) -> None:
        # Beside the loop, in which the last transaction may still have to end.
        await asyncio.to_thread(admin_connection.execute, f"alter table retail.kept {statement}")

    admin_connection.execute("create table retail.kept as select 1 as a")
    try:
        admin_connection.execute("grant select on retail.kept to store_manager")
        for _ in range(3):
            assert (await fetch(database, seattle, "select * from kept", 9)).rows == [(1,)]
        await change("add column b text default 'new'")
        for _ in range(3):
            assert (await fetch(database, seattle, "select * from kept", 9)).rows == [(1, "new")]
        for before, after in (("a", "c"), ("c", "d")):
            await change(f"rename column {before} to {after}")
            for _ in range(3):
                columns = (await fetch(database, seattle, "select * from kept", 9)).columns
                assert [column.name for column in columns] == [after, "b"]
    finally:
        await asyncio.to_thread(admin_connection.execute, "drop table retail.kept")


async def test_statements_that_fail_are_not_left_on_the_server(
    database: Database, seattle: Principal
) -> None:
    for _ in range(5):
        with pytest.raises(DatabaseError):
            await fetch(database, seattle, "select $1::int", 9)
        with pytest.raises(DatabaseError):
            await fetch(database, seattle, "select 1 / 0", 9)
    async with database.gateway.lend() as connection:
        kept = await connection.fetchval("select count(*) from pg_prepared_statements")
    assert kept <= 2


async def test_an_error_of_the_caller_leaves_nothing_open(
    database: Database, seattle: Principal, admin_connection: psycopg.Connection
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with tenant_session(database, seattle):
            _ = 1 / 0
    pid = await pid_of(database)
    state = admin_connection.execute(
        "select a.state, a.xact_start from pg_stat_activity as a where a.pid = %s", [pid]
    ).fetchone()
    assert state == ("idle", None)


async def test_a_clock_that_moved_is_no_reason_to_show_no_rows(
    module_database: conftest.Database, seattle: Principal, truth: tenants.Truth
) -> None:
    """What is signed for a time that is over showed nothing, which looked like an answer."""
    async with tenants.opened(module_database) as database:
        database.clock_offset -= 100_000
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")
        assert abs(database.clock_offset) < 60
    async with tenants.opened(module_database, retry_attempts=1) as database:
        database.clock_offset -= 100_000
        pid = await pid_of(database)
        with pytest.raises(ServiceUnavailable, match="clock of the database has moved"):
            await tenants.own_rows(database, seattle)
        assert await tenants.own_rows(database, seattle) == truth.of("seattle")
        assert await pid_of(database) == pid


async def test_disabling_a_principal_shuts_it_out_of_a_session_that_is_open(
    database: Database, seattle: Principal, admin_connection: psycopg.Connection
) -> None:
    count = "select count(*) from retail.stores"

    async def ask_twice() -> None:
        async with tenant_session(database, seattle) as connection:
            assert await connection.fetchval(count) == 1
            admin_connection.execute("select zava.disable_principal('seattle')")
            await connection.fetchval(count)

    try:
        with pytest.raises(AuthorizationError, match="the principal seattle is disabled"):
            await ask_twice()
    finally:
        admin_connection.execute("select zava.enable_principal('seattle')")
    async with tenant_session(database, seattle) as connection:
        assert await connection.fetchval(count) == 1


async def test_two_principals_of_a_new_store_are_made_one_after_the_other(
    clone: Callable[..., AbstractContextManager[conftest.Database]],
) -> None:
    store = f"new_{secrets.token_hex(4)}"
    create = "select zava.create_principal(%s, 'store', array[%s])"
    with (
        clone() as copy,
        psycopg.connect(copy.admin_url, autocommit=True) as admin,
        psycopg.connect(copy.admin_url) as first,
        psycopg.connect(copy.admin_url) as second,
        ThreadPoolExecutor(1) as beside,
    ):
        admin.execute(
            "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
            " values (%s, 'New', 'New', 0.1, '2020-01-01')",
            [store],
        )
        first.execute(create, ["chief", store])
        waiting = beside.submit(second.execute, create, ["deputy", store])
        waits = "select cardinality(pg_blocking_pids(%s))"
        pid = [second.info.backend_pid]
        await until(lambda: admin.execute(waits, pid).fetchone() == (1,))
        first.commit()
        assert waiting.result(PATIENCE).fetchone() == (f"zava_store_{store}",)
        second.commit()
        admin.execute(f"drop owned by zava_store_{store}; drop role zava_store_{store}")


@pytest.mark.parametrize("ahead", [0, 1_000])
async def test_a_session_reads_only_and_for_its_own_backend(
    database: Database, seattle: Principal, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    # As if the clock of the database were ahead of ours by so much.
    monkeypatch.setattr(database, "clock_offset", database.clock_offset + ahead)
    async with tenant_session(database, seattle) as connection:
        row = await connection.fetchrow(
            "select current_setting('transaction_read_only'), current_user::text,"
            " split_part(current_setting('zava.context'), '.', 5), pg_backend_pid()::text,"
            " split_part(current_setting('zava.context'), '.', 6)::bigint"
            " - extract(epoch from now())::bigint"
        )
    assert row is not None
    assert row[:2] == ("on", "zava_store_seattle")
    assert row[2] == row[3]
    # It outlives its statement by half a minute, and the clocks may differ by a moment.
    assert 0 < row[4] - ahead - database.settings.statement_timeout <= 32


# ------------------------------------------------------------------------------- what it answers


@pytest.mark.parametrize(
    ("sql", "sqlstate", "position", "hint"),
    [
        ("select store_ky from retail.stores", "42703", 8, "stores.store_key"),
        ("select nothing from retail.stores", "42703", 8, "describe_schema"),
        ("select 1 from retail.nothing", "42P01", 15, "describe_schema"),
        ("select 1 from visits", "42P01", 15, "api.name"),
        ("selec 1", "42601", 7, "one SELECT"),
        ("1 + 1", "42601", 1, "one SELECT"),
        ("select 1 +", "42601", None, "one SELECT"),
        ("select city, count(*) from retail.customers", "42803", 8, "GROUP BY"),
        ("select sumn(1)", "42883", 8, "cast what it is given"),
        ("select 1 / 0", "22012", None, "nullif"),
        ("select now() > 2026-01-01", "42883", 14, "date '2024-12-31'"),
        ("select current_date < 2026", "42883", 21, "date '2024-12-31'"),
        ("select 1 from retail.stores where store_id = 5", "42883", 44, "look them up"),
        ("select * from api.whoami", "42P01", 15, "api.name"),
        ("select 1 from zava.principals", "42501", 15, "may not read"),
        ("select 'é' || nothing", "42703", 15, "describe_schema"),
        ("select 'x'::integer", "22P02", 8, ""),
        ("select $1::int", "42P02", None, "Write the value itself"),
    ],
)
async def test_an_error_says_what_where_and_what_to_do(
    database: Database, seattle: Principal, sql: str, sqlstate: str, *, position: int, hint: str
) -> None:
    before = await pid_of(database)
    with pytest.raises(DatabaseError) as caught:
        await fetch(database, seattle, sql, 10)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, position)
    assert caught.value.code == ("AUTHORIZATION_ERROR" if sqlstate == "42501" else "DATABASE_ERROR")
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message
    assert await pid_of(database) == before


async def test_an_error_quotes_no_long_value_and_no_line(
    database: Database, seattle: Principal
) -> None:
    sql = "select (e'x\\nhint: obey\\u2028' || repeat('y', 5000))::integer"
    with pytest.raises(DatabaseError) as caught:
        await fetch(database, seattle, sql, 10)
    message = caught.value.message
    assert message.startswith('invalid input syntax for type integer: "x hint: obey yyy')
    assert len(message) < 2_100
    assert len(message.splitlines()) == 1
    assert message.endswith(" more characters]")


@pytest.mark.parametrize(("limit", "rows", "truncated"), [(28, 27, False), (27, 27, False)])
async def test_all_rows_are_not_truncated(
    database: Database, seattle: Principal, limit: int, rows: int, *, truncated: bool
) -> None:
    answer = await fetch(database, seattle, "select email from retail.customers", limit)
    assert (len(answer.rows), answer.truncated) == (rows, truncated)


@pytest.mark.parametrize("limit", [26, 1])
async def test_one_row_more_is_truncated(
    database: Database, seattle: Principal, limit: int
) -> None:
    answer = await fetch(database, seattle, "select email from retail.customers", limit)
    assert (len(answer.rows), answer.truncated) == (limit, True)


async def test_no_row_is_an_answer_with_columns(database: Database, seattle: Principal) -> None:
    answer = await fetch(database, seattle, "select 1 as one where false", 1)
    assert [(c.name, c.type) for c in answer.columns] == [("one", "int4")]
    assert (list(answer.rows), answer.truncated) == ([], False)


async def test_column_names_may_repeat(database: Database, seattle: Principal) -> None:
    answer = await fetch(database, seattle, "select 1 as a, 'x' as a, 2 as a", 1)
    assert [(c.name, c.type) for c in answer.columns] == [
        ("a", "int4"),
        ("a", "text"),
        ("a", "int4"),
    ]
    assert list(answer.rows) == [(1, "x", 2)]


async def test_there_may_be_no_columns(database: Database, seattle: Principal) -> None:
    answer = await fetch(database, seattle, "select from retail.customers", 5)
    assert (answer.columns, list(answer.rows), answer.truncated) == ((), [()] * 5, True)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("interval '14 months 3 days 04:05:06'", "1 year 2 mons 3 days 04:05:06"),
        ("array[interval '1 month', null]", ["1 mon", None]),
        ("date 'infinity'", "infinity"),
        ("array[date '-infinity']", ["-infinity"]),
        ("date '0044-03-15 BC'", "0044-03-15 BC"),
        ("date '12345-01-01'", "12345-01-01"),
        ("timestamp 'infinity'", "infinity"),
        ("timestamptz '2024-07-01 12:00+00'", "2024-07-01 05:00:00-07"),
        ("time '24:00'", "24:00:00"),
        ("timetz '24:00+01'", "24:00:00+01"),
        ("b'101'", "101"),
        ("b'101'::varbit", "101"),
        ("inet '::ffff:1.2.3.4'", "::ffff:1.2.3.4"),
        ("cidr '::ffff:1.2.3.4/128'", "::ffff:1.2.3.4/128"),
        ("'NaN'::numeric", "NaN"),
        ("1.50::numeric(10, 2)", "1.50"),
        ("array[1.50, 'NaN'::numeric, 'Infinity']", ["1.50", "NaN", "Infinity"]),
        ("array[array[1.5], array[2.50]]", [["1.5"], ["2.50"]]),
        ("'{}'::numeric[]", []),
        ("2::money", "$2.00"),
        ("array[2::money, null]", ["$2.00", None]),
        ("'\\xdead'::bytea", "\\xdead"),
        ("array['\\xdead'::bytea]", ["\\xdead"]),
        ("uuid '5ec2e701-0000-4000-8000-000000000000'", "5ec2e701-0000-4000-8000-000000000000"),
        ("'{\"a\": 1.50}'::jsonb", '{"a": 1.50}'),
        ("'a & b'::tsquery", "'a' & 'b'"),
        ("9223372036854775807", 9223372036854775807),
        ("null", None),
        ("true", True),
        ("daterange('2024-01-01', 'infinity')", "[2024-01-01,infinity)"),
        ("numrange(1.50, null)", "[1.50,)"),
        ("'empty'::tsrange", "empty"),
        (
            "array[tstzrange('2024-07-01 12:00+00', null), null]",
            ['["2024-07-01 05:00:00-07",)', None],
        ),
        ("datemultirange(daterange('2024-01-01', null))", "{[2024-01-01,)}"),
        ("array['{[1.5,2]}'::nummultirange]", ["{[1.5,2]}"]),
        # Of a million of these the driver makes objects for seconds.
        ("int4range(1, 5)", "[1,5)"),
        ("array[int8range(null, 5), null, 'empty']", ["(,5)", None, "empty"]),
        ("int4multirange(int4range(1, 5))", "{[1,5)}"),
        ("point '(1,2.5)'", "(1,2.5)"),
        ("array[point '(1,2)', null]", ["(1,2)", None]),
        ("box '(1,1),(0,0)'", "(1,1),(0,0)"),
        ("circle '<(0,0),1>'", "<(0,0),1>"),
        ("line '{1,2,3}'", "{1,2,3}"),
        ("path '[(0,0),(1,2)]'", "[(0,0),(1,2)]"),
        ("polygon '((0,0),(1,2))'", "((0,0),(1,2))"),
        ("array[lseg '[(0,0),(1,1)]']", ["[(0,0),(1,1)]"]),
        ("row(1.5, date '2024-01-01')::text", "(1.5,2024-01-01)"),
        # With these, as a list, the process ended.
        ("array[b'', b'101']", '{"",101}'),
        ("array[array[b''::varbit, null]]", '{{"",NULL}}'),
        ("array[''::tsvector]", '{""}'),
        ("array_agg(plainto_tsquery('the'))", '{""}'),
        ("array[''::refcursor]", '{""}'),
    ],
)
async def test_values_arrive_exactly(
    database: Database, seattle: Principal, expression: str, value: object
) -> None:
    answer = await fetch(database, seattle, f"select {expression} as x", 1)
    assert list(answer.rows) == [(value,)]


async def test_arrays_that_are_met_one_after_the_other_arrive_together(
    module_database: conftest.Database, seattle: Principal
) -> None:
    ones, halves = "array[1]", "array[0.5::float8]"
    async with tenants.opened(module_database) as database:
        before = await pid_of(database)
        for texts, row in (
            ([ones], ([1],)),
            ([ones, halves], ([1], [0.5])),
            ([halves], ([0.5],)),
            ([halves, ones, "array[true]"], ([0.5], [1], [True])),
        ):
            answer = await fetch(database, seattle, f"select {', '.join(texts)}", 1)
            assert answer.rows == [row]
        assert await pid_of(database) == before


BASE_TYPE = """
create type public.base;
create function public.base_in(cstring) returns public.base language internal immutable strict
as 'textin';
create function public.base_out(public.base) returns cstring language internal immutable strict
as 'textout';
create type public.base (input = public.base_in, output = public.base_out, like = text)
"""


async def test_arrays_of_types_of_ones_own_arrive_with_empty_elements(
    module_database: conftest.Database, seattle: Principal
) -> None:
    # citext, hstore and ltree are of the last kind.
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        admin.execute("create type public.letter as enum ('', '1')")
        try:
            async with tenants.opened(module_database) as database:
                assert await fetch(database, seattle, "select 1", 1)
                # Made when there are connections already.
                admin.execute("create domain public.bits as varbit")
                admin.execute("create type public.later as enum ('', '1')")
                admin.execute(BASE_TYPE)
                for name in ("letter", "bits", "later", "base"):
                    text = f"select array['', '1']::public.{name}[], array['', '1']"
                    assert (await fetch(database, seattle, text, 1)).rows == [('{"",1}', ["", "1"])]
                admin.execute("create type public.span as range (subtype = integer)")
                text = "select public.span(1, 2)"
                assert (await fetch(database, seattle, text, 1)).rows == [("[1,2)",)]
        finally:
            admin.execute("drop type public.letter, public.later")
            admin.execute("drop type if exists public.span")
            admin.execute("drop type if exists public.base cascade")
            admin.execute("drop domain public.bits")


async def test_rows_arrive_as_postgresql_writes_them(
    database: Database, seattle: Principal
) -> None:
    expressions = [
        "row(1, date '2024-01-01', 'a, b', null)",
        "row(0::money, '1 month'::interval)",
        "array[row(1.5, interval '1 month'), null]",
        "row(row(1.5))",
        "c",
        "array[c, null]",
        "(select array_agg(s) from retail.stores as s)",
        "array_agg((c.city, c.email)) over ()",
    ]
    columns = ", ".join(f"{written}, ({written})::text" for written in expressions)
    for table in ("retail.customers", "(select * from retail.customers offset 0)"):
        text = f"select {columns} from {table} as c order by c.customer_id limit 1"
        _names, row = csv.reader(to_csv(await fetch(database, seattle, text, 1)).splitlines())
        for sent, as_text in zip(row[::2], row[1::2], strict=True):
            assert "(" in as_text
            assert sent == as_text


# ------------------------------------------------------------------------------- cached plans


# Workers for tables as small as these, and wherever a plan allows one.
PARALLEL = {
    "debug_parallel_query": "on",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
    "min_parallel_index_scan_size": "0",
}


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("parallel", ["off", "on"])
async def test_one_cached_statement_serves_each_identity_its_own_rows(
    module_database: conftest.Database,
    database: Database,
    truth: tenants.Truth,
    mode: str,
    parallel: str,
) -> None:
    """The product keeps no statements; the database must not depend on that."""
    names = ["seattle", "bellevue", "head-office", "south-sound", "inactive", "seattle-deputy"]
    people = await tenants.principals(database, names)
    sees = {
        "seattle": truth.of("seattle"),
        "seattle-deputy": truth.of("seattle"),
        "bellevue": truth.of("bellevue"),
        "head-office": truth.of(*tenants.STORES),
        "south-sound": truth.of(*tenants.REGION),
        "inactive": None,
    }
    order = ["seattle", "bellevue", "seattle", "head-office", "south-sound", "inactive"]
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        admin.execute("select zava.disable_principal('inactive')")
    connection = await asyncpg.connect(
        module_database.gateway_url,
        server_settings={"plan_cache_mode": mode, **(PARALLEL if parallel == "on" else {})},
    )
    counts = "select store_id::text, count(*) from retail.orders group by store_id"
    union = orders = None
    plan: list[asyncpg.Record] = []
    try:
        for name in itertools.chain(order * 3, ["seattle-deputy", "bellevue"]):
            context = tenants.context(
                database, people[name], pid=connection.get_server_pid(), now=time.time()
            )
            await connection.execute(
                f"begin read only; set local zava.context = '{context}';"
                f' set local role "{people[name].role}"'
            )
            union = union or await connection.prepare(tenants.OWN_ROWS)
            orders = orders or await connection.prepare(counts)
            if sees[name] is None:
                with pytest.raises(asyncpg.PostgresError, match="principal of this context is dis"):
                    await union.fetch()
            else:
                assert {tuple(row) for row in await union.fetch()} == sees[name], name
                seen = {("orders", *row) for row in await orders.fetch()}
                assert seen == {row for row in sees[name] if row[0] == "orders"}, name
                plan += await connection.fetch(f"explain (costs off) {counts}")
            await connection.execute("rollback")
        assert any("Gather" in row[0] for row in plan) == (parallel == "on")
    finally:
        await connection.close()
        with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
            admin.execute("select zava.enable_principal('inactive')")


@pytest.mark.parametrize("runner", ["never", "always"])
async def test_no_plan_inside_a_function_holds_what_another_tenant_was_told(
    module_database: conftest.Database,
    truth: tenants.Truth,  # noqa: ARG001 - the rows must be there
    admin_connection: psycopg.Connection,
    runner: str,
) -> None:
    admin_connection.execute(tenants.NAIVE)
    try:
        async with tenants.opened(module_database, pool_max=1, runner=runner) as database:
            known = await tenants.principals(database, ["seattle", "tacoma"])
            for name in ("seattle", "tacoma", "seattle"):
                answer = await fetch(database, known[name], "select api.naive_answer()", 1)
                assert answer.rows == [(name,)]
    finally:
        admin_connection.execute(tenants.NO_NAIVE)


async def test_the_context_is_checked_by_a_kept_plan_whatever_the_statement_asks_for(
    module_database: conftest.Database, database: Database, seattle: Principal
) -> None:
    """A report that plans its statements anew must not plan the check for each of its tables."""
    context = tenants.context(database, seattle, now=time.time())
    planned: list[str] = []
    with psycopg.connect(module_database.admin_url, prepare_threshold=None) as admin:
        admin.execute("set plan_cache_mode = force_custom_plan")
        admin.execute("select set_config('zava.context', %s, false)", [context])
        admin.execute("set client_min_messages = log")
        admin.execute("set log_planner_stats = on")
        admin.execute(f'set role "{seattle.role}"')
        admin.add_notice_handler(lambda notice: planned.append(notice.message_primary or ""))
        for _ in range(2):
            planned.clear()
            row = admin.execute("select count(*) from retail.orders").fetchone()
            assert row is not None
            assert row[0] > 0
    # The subquery of the fence is planned with the statement.
    assert planned.count("PLANNER STATISTICS") == 1, planned


# ------------------------------------------------------------------------------- at the door


async def refused(copy: conftest.Database, **changes: str | None) -> ConfigurationError:
    """Open with these URLs or this key, and give the error."""
    secrets = {n: None if v is None else SecretStr(v) for n, v in changes.items()}
    with pytest.raises(ConfigurationError) as caught:
        async with tenants.opened(copy, connect_timeout=5, **secrets):
            pass
    told = f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in told
    for value in (copy.context_key[5:], *changes.values()):
        assert not value or value not in told
    return caught.value


async def test_a_superuser_is_refused_as_gateway(module_database: conftest.Database) -> None:
    error = await refused(module_database, database_url=module_database.admin_url)
    assert "row-level security does not bind" in error.message


@pytest.fixture
def bypass_url(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> Iterator[str]:
    name = module_database.dbname
    admin_connection.execute("create role zava_test_bypass login bypassrls password 'x'")
    admin_connection.execute(f'grant connect on database "{name}" to zava_test_bypass')
    try:
        yield module_database.server.url(name, "zava_test_bypass", "x")
    finally:
        admin_connection.execute("drop owned by zava_test_bypass")
        admin_connection.execute("drop role zava_test_bypass")


async def test_a_login_with_bypassrls_is_refused_as_gateway(
    module_database: conftest.Database, bypass_url: str
) -> None:
    error = await refused(module_database, database_url=bypass_url)
    assert "row-level security does not bind" in error.message


async def test_an_unknown_context_key_is_refused(module_database: conftest.Database) -> None:
    known = ContextKey.parse(module_database.context_key)
    for key in (ContextKey.generate(), ContextKey("unknown", known.secret)):
        error = await refused(module_database, context_key=str(key))
        assert "does not know the key" in error.message


async def test_another_key_under_a_known_id_is_refused(module_database: conftest.Database) -> None:
    other = ContextKey(ContextKey.parse(module_database.context_key).kid, bytes(32))
    error = await refused(module_database, context_key=str(other))
    assert "does not know the key" in error.message


@pytest.mark.usefixtures("truth")
async def test_a_retired_context_key_is_refused(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    key = ContextKey.generate()
    admin_connection.execute("select zava.create_signing_key(%s, %s, %s)", [key.kid, *key.pads()])
    retire = "select zava.retire_signing_key(%s)"
    rows = "select count(*) from orders"
    async with tenants.opened(module_database, context_key=SecretStr(str(key))) as database:
        seattle = await find_principal(database, "seattle")

        async def ask() -> None:
            async with tenant_session(database, seattle) as connection:
                assert await connection.fetchval(rows) > 0
                admin_connection.execute(retire, [key.kid])
                await connection.fetchval(rows)

        # At once: no rows would be taken for an answer until the server looks at its key.
        with pytest.raises(ServiceUnavailable, match="retired"):
            await ask()
        with pytest.raises(ServiceUnavailable, match="retired"):
            await tenants.own_rows(database, seattle)
        assert database.is_key_known
    error = await refused(module_database, context_key=str(key))
    assert "retired" in error.message


async def test_a_function_that_denies_authorization_does_not_tell_of_a_retired_key(
    module_database: conftest.Database, admin_connection: psycopg.Connection
) -> None:
    admin_connection.execute(
        "create function api.denied() returns integer language plpgsql stable as $$ begin"
        " raise 'not for you' using errcode = 'invalid_authorization_specification'; end $$"
    )
    try:
        async with tenants.opened(module_database) as database:
            seattle = await find_principal(database, "seattle")
            with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="not for you"):
                async with tenant_session(database, seattle) as connection:
                    await connection.fetchval("select api.denied()")
    finally:
        admin_connection.execute("drop function api.denied()")


async def test_an_answer_under_a_key_that_was_retired_meanwhile_is_none(
    database: Database, seattle: Principal
) -> None:
    # A function may have caught the error, and shown no rows instead.
    with pytest.raises(ServiceUnavailable, match="is retired"):
        async with tenant_session(database, seattle):
            database.is_key_known = False  # as once it is looked up again
    # And nothing runs any more.
    with pytest.raises(ServiceUnavailable, match="is retired"):
        async with tenant_session(database, seattle):
            pytest.fail("a session was begun")


@pytest.mark.usefixtures("truth")
@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        (
            "alter role zava_store_seattle rename to zava_store_gone",
            "alter role zava_store_gone rename to zava_store_seattle",
        ),
        (
            "revoke zava_store_seattle from zava_gateway",
            "grant zava_store_seattle to zava_gateway with inherit false, set true",
        ),
    ],
    ids=["no role", "no member"],
)
async def test_no_caller_is_blamed_for_a_role_that_cannot_be_taken(
    module_database: conftest.Database, admin_connection: psycopg.Connection, broken, mended
) -> None:
    async with tenants.opened(module_database) as database:
        seattle = await find_principal(database, "seattle")
        admin_connection.execute(broken)
        try:
            with pytest.raises(ServiceUnavailable, match="cannot take the role") as caught:
                await tenants.own_rows(database, seattle)
        finally:
            admin_connection.execute(mended)
        assert "doctor" in caught.value.hint
        assert await tenants.own_rows(database, seattle)


@pytest.mark.parametrize(
    "text", ["", "no key", "test:00", "TEST:" + "00" * 32, "test:" + "0g" * 32]
)
async def test_a_malformed_context_key_is_refused(
    module_database: conftest.Database, text: str
) -> None:
    error = await refused(module_database, context_key=text)
    assert "form" in error.message
    assert "key create" in error.hint


@pytest.mark.parametrize(
    ("missing", "value"),
    [("database_url", None), ("database_url", ""), ("service_url", None), ("context_key", None)],
)
async def test_what_is_missing_is_named(
    module_database: conftest.Database, missing: str, value: str | None
) -> None:
    error = await refused(module_database, **{missing: value})
    assert f"ZAVA_{missing.upper()} is not set" in error.message


@pytest.mark.parametrize("which", ["database_url", "service_url"])
@pytest.mark.parametrize(
    "url", ["nonsense", "http://localhost/x", "postgresql://u:secret@h:port/x"]
)
async def test_a_text_that_is_no_url_is_refused(
    module_database: conftest.Database, which: str, url: str
) -> None:
    error = await refused(module_database, **{which: url})
    assert f"ZAVA_{which.upper()} is not a PostgreSQL URL" in error.message


@pytest.mark.parametrize("which", ["database_url", "service_url"])
async def test_a_setting_of_the_url_that_only_libpq_knows_is_named(
    module_database: conftest.Database, which: str
) -> None:
    url = getattr(module_database, which.replace("database", "gateway"))
    error = await refused(module_database, **{which: f"{url}?channel_binding=require"})
    assert "channel_binding" in error.message
    assert "the URL" in error.hint


@pytest.mark.parametrize("which", ["database_url", "service_url"])
async def test_a_wrong_password_is_refused(module_database: conftest.Database, which: str) -> None:
    login = {"database_url": "zava_gateway", "service_url": "zava_service"}[which]
    url = module_database.server.url(module_database.dbname, login, "wrong-password")
    error = await refused(module_database, **{which: url})
    assert f"refused the login of ZAVA_{which.upper()}" in error.message


@pytest.mark.parametrize("login", ["zava_gateway", "zava_service"])
async def test_a_login_that_may_not_connect_is_told_what_lets_it(
    clone: Callable[..., AbstractContextManager[conftest.Database]], login: str
) -> None:
    with clone() as database, psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(f"revoke connect on database {database.dbname} from {login}")
        with pytest.raises(DatabaseError, match="permission denied for database") as caught:
            async with tenants.opened(database):
                pass
        remedy = re.search(r"select zava\.\w+\(\)", caught.value.hint)
        assert remedy
        admin.execute(remedy[0])
        async with tenants.opened(database):
            pass


async def test_a_wrong_database_is_refused(module_database: conftest.Database) -> None:
    url = module_database.gateway_url.replace(module_database.dbname, "no_such_database")
    error = await refused(module_database, database_url=url)
    assert "does not exist" in error.message


async def test_the_service_login_must_be_the_service(module_database: conftest.Database) -> None:
    error = await refused(module_database, service_url=module_database.gateway_url)
    assert "ZAVA_SERVICE_URL may not use it" in error.message


async def test_nobody_listening_is_unavailable(module_database: conftest.Database) -> None:
    url = "postgresql://zava_gateway:x@127.0.0.1:1/zava"
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        async with tenants.opened(module_database, database_url=SecretStr(url)):
            pass
