"""The runner gives what the session of a tenant role gives; that it leaks nothing is in
test_isolation.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import psycopg
import pytest
import tenants

from zava_sql import runner
from zava_sql.agent import fetch
from zava_sql.errors import ConfigurationError, DatabaseError, QueryTimeout, ZavaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import conftest

    from zava_sql.database import Database

pytestmark = pytest.mark.anyio

ASKED = [
    "select * from retail.orders order by order_id",
    "select count(*), sum(total_amount), avg(total_amount), max(order_date) from retail.orders",
    "select 1 as a, 2 as a, 'x' as \"A b\", null, '', '1.50'::numeric(5, 2), 'ab'::varchar(3)",
    "select 'infinity'::timestamptz, '-infinity'::date, '1 mon 2 days'::interval, 'NaN'::numeric",
    "select '{1,null,3}'::int[], '{{a,b},{c,d}}'::text[], array['c'::\"char\"], '1 2'::int2vector",
    "select '[1,5)'::int4range, '{[1,2),[4,5)}'::int4multirange, '(1,2)'::point, 'a'::name",
    """select '{"a": [1, null]}'::jsonb, '{"a":1}'::json, '\\x00ff'::bytea, true, 'x'::bpchar(3)""",
    "select table_name, is_insertable_into from information_schema.tables where table_name = 'x'",
    "select column_name, ordinal_position from information_schema.columns limit 3",
    "select o from retail.orders as o order by order_id limit 3",
    "select daterange('2024-01-01', null), array[numrange(1.5, 2)], box '(1,1),(0,0)'",
    "select state, states, stars from api.wards",
    "select array_agg(o order by order_id) from retail.orders as o",
    "select '[1,2,3]'::vector, '[1,2]'::halfvec, 'retail.orders'::regclass, 'x'::regtype",
    "select pg_sleep(0), current_setting('zava.context') <> ''",
    "select from retail.orders",
    "select from retail.orders where false",
    "select * from (values (1), (2)) as v -- a comment at the end",
    "select * from api.whoami()",
    "select * from api.describe_schema('orders')",
    "select * from api.store_performance('2020-01-01', '2020-12-31')",
    # Errors, with their places.
    "select nothing from retail.orders",
    "select 1/0 from retail.orders",
    "select * from zava.signing_keys",
    "select row(1, 2)",
    "select $1::int",
    "selec 1",
    "select 1; select 2",
    "select 1) as q; select (2",
    "select pg_read_file('/etc/passwd')",
    "select 'x'::int",
    "select store_id::text::int from retail.orders",
    "set role zava_gateway",
    "",
]


# Columns of types that stand where agents may not go.
WARDS = """
create schema clinic;
create type clinic.state as enum ('open', 'it''s "shut"');
create domain clinic.stars as smallint check (value > 0);
create view api.wards as
select 'open'::clinic.state as state, 3::clinic.stars as stars,
    array['it''s "shut"', null]::clinic.state[] as states;
grant select on api.wards to store_manager;
"""


@pytest.fixture(scope="module")
async def paths(module_database: conftest.Database) -> AsyncIterator[tuple[Database, Database]]:
    tenants.fill(module_database)
    with psycopg.connect(module_database.admin_url) as connection:
        connection.execute(WARDS)
    async with (
        tenants.opened(module_database, runner="never") as direct,
        tenants.opened(module_database, runner="always") as run,
    ):
        yield direct, run


async def told(database: Database, sql: str, limit: int) -> object:
    principal = await runner_of(database, "seattle")
    try:
        return await fetch(database, principal, sql, limit)
    except ZavaError as error:
        return error.to_dict() | {"position": getattr(error, "position", None)}


async def runner_of(database: Database, name: str):
    return (await tenants.principals(database, [name]))[name]


@pytest.mark.parametrize("sql", ASKED)
async def test_rows_types_and_errors_are_the_same(paths, sql):
    direct, run = paths
    for limit in (1, 1000):
        assert await told(run, sql, limit) == await told(direct, sql, limit)


async def test_what_changes_rows_is_refused_by_the_function_too(paths):
    for database, code in zip(paths, ("25006", "0A000"), strict=True):
        with pytest.raises(DatabaseError) as caught:
            await fetch(
                database,
                await runner_of(database, "seattle"),
                "select * from retail.orders for update",
                1,
            )
        assert caught.value.sqlstate == code


async def test_every_class_has_its_runner(paths):
    _, run = paths
    for name in ("seattle", "south-sound", "head-office"):
        principal = await runner_of(run, name)
        sql = "select current_user::text, (select kind from api.whoami())"
        (row,) = (await fetch(run, principal, sql, 1)).rows
        assert row == (runner.acting(principal).role, principal.kind)


async def test_a_timeout_ends_the_work_inside(paths):
    _, run = paths
    seattle = await runner_of(run, "seattle")
    with tenants.hurried(run, seattle), pytest.raises(QueryTimeout):
        await fetch(run, seattle, tenants.SLOW, 1)


async def test_others_do_not_see_the_text_in_the_list_of_sessions(paths, module_database):
    _, run = paths
    sql = "select query from pg_stat_activity where pid = pg_backend_pid() and 'SECRET' <> ''"
    admin = await asyncpg.connect(module_database.admin_url)
    await admin.execute("grant pg_read_all_stats to store_manager with inherit true")
    try:
        (row,) = (await fetch(run, await runner_of(run, "seattle"), sql, 1)).rows
    finally:
        await admin.execute("revoke pg_read_all_stats from store_manager")
        await admin.close()
    assert "zava_run.store_manager($1)" in row[0]
    assert "SECRET" not in row[0]


async def test_it_runs_where_nobody_hardened_the_database(clone):
    with clone() as copy:
        async with tenants.opened(copy, runner="auto") as database:
            assert database.runner
        admin = await asyncpg.connect(copy.admin_url)
        await admin.execute("revoke zava_runner from zava_gateway")
        try:
            for setting in ("auto", "always"):
                with pytest.raises(ConfigurationError, match="has no runner"):
                    async with tenants.opened(copy, runner=setting):
                        pass
            async with tenants.opened(copy, runner="never") as database:
                assert not database.runner
        finally:
            await admin.execute(
                "grant zava_runner to zava_gateway with inherit false, set true;"
                "select zava.harden()"
            )
            await admin.close()
        for setting, used in (("auto", False), ("always", True)):
            async with tenants.opened(copy, runner=setting) as database:
                assert database.runner is used
