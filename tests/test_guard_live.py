"""What the guard lets through, PostgreSQL runs: wrapped, in the session of a tenant."""

from __future__ import annotations

import guard_lists
import pytest
import tenants

from zava_sql.agent import Agent, Result, fetch
from zava_sql.errors import DatabaseError
from zava_sql.guard import Guard

pytestmark = pytest.mark.anyio


async def test_every_allowed_text_runs_as_a_tenant(seeded_database) -> None:
    guard = Guard({"whoami", "describe_schema"})
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        for sql in guard_lists.allowed():
            result = await fetch(database, principal, guard.check(sql).canonical, 50)
            assert isinstance(result, Result), sql


async def test_a_position_of_the_server_is_one_in_the_callers_text(seeded_database) -> None:
    sql = "select name, /* no such */ \n  nosuch from retail.stores"
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        with pytest.raises(DatabaseError) as caught:
            await Agent(database).query(principal, sql)
    assert caught.value.position == sql.index("nosuch") + 1


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select nosuch from stores", "describe_schema"),
        ("select oder_date from orders", 'the column "orders.order_date"'),
        ("select * from retail.order", "describe_schema"),
        ("select o.name from stores as s", "alias"),
        ("select round(1.5::float8, 1)", "round(x::numeric, 2)"),
        ("select date_trunc(order_date, 'month') from orders", "unit comes first"),
        ("select sum(name) from stores", "cast"),
        ("select * from orders where customer_id = 5", "look them up by name or key"),
        ("select * from orders where total_amount = true", "type of the other"),
        ("select api.whoami(1)", "describe_schema"),
        ("select extract(month from '2024-01-01')", "date '2024-01-01'"),
        ("select 1 where now() > 'last month'", "interval '1 month'"),
        ("select '2024-02-30'::date", "of the calendar"),
        ("select 1 where count(*) > 1", "HAVING"),
        (
            "select name from stores where rank() over () = 1",
            "inner",
        ),
        ("select (select n from generate_series(1, 2) n)", "one row"),
        ("select 1 union select 1, 2", "as many columns"),
        ("select distinct name from stores order by city", "Select what is ordered by"),
        ("select order_id from orders, order_items", "orders.order_id"),
        ("select 1 / 0", "nullif"),
        ("select s from stores s", "::text"),
        ("select x.trigger from unnest(array['a']) x", "::text"),
    ],
)
async def test_an_error_of_the_server_says_what_to_write(seeded_database, sql, hint) -> None:
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        with pytest.raises(DatabaseError) as caught:
            await Agent(database).query(principal, sql)
    assert hint in caught.value.hint
