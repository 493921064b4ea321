"""The demo data: the same everywhere, a part of every larger load, and shaped like a shop's."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import asyncpg
import psycopg
import pytest

from zava_sql import cli, errors, migrate
from zava_sql.seed import SeedReport, seed, vacuum

pytestmark = pytest.mark.once

SCALE = 0.05
CATALOGUE = Path(__file__).parents[1] / "zava_sql" / "demo" / "catalogue"
TABLES = (
    "stores", "categories", "product_types", "products", "customers", "inventory", "orders",
    "order_items", "stock_movements",
)  # fmt: skip
TENANTS = {
    "seattle": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "bellevue": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "tacoma": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "spokane": "d8e9f0a1-b2c3-4567-8901-234567890abc",
    "everett": "3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3",
    "redmond": "e7f8a9b0-c1d2-3e4f-5678-90abcdef1234",
    "kirkland": "9c8b7a65-4321-fed0-9876-543210fedcba",
    "online": "2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2",
}
LOCAL = "at time zone 'America/Los_Angeles'"


async def load(url: str, scale: float, until: date | None = None, **settings: str) -> SeedReport:
    connection = await asyncpg.connect(url, server_settings=settings)
    try:
        return await seed(connection, scale=scale, until=until)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def seeded(module_database):
    report = asyncio.run(load(module_database.admin_url, SCALE))
    assert report.customers == 2500
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection, query: str) -> list[tuple]:
    return connection.execute(query.encode()).fetchall()


def one(connection: psycopg.Connection, query: str):
    ((value,),) = rows(connection, query)
    return value


def contents(connection: psycopg.Connection, table: str) -> set[str]:
    connection.execute("set timezone = 'UTC'")
    return {line for (line,) in rows(connection, f"select t::text from retail.{table} as t")}


def places(connection: psycopg.Connection) -> list[str]:
    """Where each row version lies: a rewritten row moves."""
    return [
        one(connection, f"select md5(string_agg(ctid::text || xmin, ',')) from retail.{table}")
        for table in TABLES
    ]


@pytest.mark.long
def test_a_load_in_steps_and_under_other_settings_ends_with_the_same_rows(seeded, database):
    """Larger and later loads only add; nothing hangs on the session or on the history."""
    url = database.admin_url
    asyncio.run(load(url, 0.02, date(2023, 3, 15), TimeZone="Asia/Tokyo", DateStyle="German"))
    with psycopg.connect(url, autocommit=True) as connection:
        kept = {table: contents(connection, table) for table in ("customers", "orders")}
        kept["order_items"] = contents(connection, "order_items")
        assert min(map(len, kept.values())) > 500
        asyncio.run(load(url, 0.013, max_parallel_workers_per_gather="0", enable_hashjoin="off"))
        asyncio.run(load(url, SCALE))
        for table in TABLES:
            have, want = contents(connection, table), contents(seeded, table)
            assert have == want, table
            assert kept.get(table, set()) <= have


@pytest.mark.long
def test_a_later_last_day_only_adds(database):
    added_to = ("customers", "orders", "order_items")
    asyncio.run(load(database.admin_url, 0.01))
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        before = [contents(connection, table) for table in added_to]
        report = asyncio.run(load(database.admin_url, 0.01, date(2026, 9, 30)))
        assert report.until == date(2026, 9, 30)
        for table, rows_before in zip(added_to, before, strict=True):
            assert rows_before < contents(connection, table)
        last_day = one(connection, f"select max((order_date {LOCAL})::date) from retail.orders")
        assert last_day == date(2026, 9, 30)
        assert one(connection, "select max(joined_on) from retail.customers") > date(2026, 7, 1)


def test_the_same_or_a_smaller_load_changes_nothing(seeded, module_database):
    before = places(seeded)
    for scale, until in ((SCALE, None), (0.01, None), (SCALE, date(2022, 2, 2))):
        report = asyncio.run(load(module_database.admin_url, scale, until))
        assert report.unchanged
        assert (report.order_items, report.principals) == (0, 0)
    assert places(seeded) == before


@pytest.mark.long
def test_a_larger_load_takes_the_rollup_back(database):
    stored = "select count(rolled_up_to) from retail.stores"
    asyncio.run(load(database.admin_url, 0.002))
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("select zava.refresh_daily_sales('-infinity')")
        assert one(connection, stored) == 8
        asyncio.run(load(database.admin_url, 0.004))
        assert one(connection, stored) == 0


def left(url: str) -> int:
    with psycopg.connect(url) as connection:
        counts = [one(connection, f"select count(*) from retail.{table}") for table in TABLES]
        return sum(counts) + one(connection, "select count(*) from zava.principals")


@pytest.mark.parametrize("step", ["customers", "orders", "stock", "statistics"])
@pytest.mark.long
def test_an_interrupted_load_leaves_nothing(database, step):
    async def interrupted() -> bool:
        """Cancel while the step's statement runs; tell whether the connection still works."""
        connection = await asyncpg.connect(database.admin_url)
        begun = asyncio.Event()
        task = asyncio.create_task(
            seed(
                connection,
                scale=0.01,
                progress=lambda name, _: begun.set() if name == step else None,
            )
        )
        await begun.wait()
        await asyncio.sleep(0)  # let it send the step's first statement
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        works = await connection.fetchval("select true")
        await connection.close()
        return works

    assert asyncio.run(interrupted())
    assert left(database.admin_url) == 0


@pytest.mark.long
def test_an_error_in_the_progress_bar_leaves_nothing(database):
    async def failing() -> None:
        connection = await asyncpg.connect(database.admin_url)
        try:
            await seed(connection, scale=0.01, progress=fail)
        finally:
            await connection.close()

    def fail(_step: str, fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(failing())
    assert left(database.admin_url) == 0


@pytest.mark.long
def test_two_loads_at_once_end_as_one(database):
    """The second waits, also when no store or customer is new that it would wait for anyway."""

    async def both() -> list[SeedReport]:
        loads = (load(database.admin_url, 0.002, date(2025, 6, 20)) for _ in range(2))
        return await asyncio.gather(*loads)

    asyncio.run(load(database.admin_url, 0.002, date(2025, 6, 10)))
    first, second = sorted(asyncio.run(both()), key=lambda report: report.unchanged)
    assert first.customers == 0
    assert first.orders > 0
    assert second.unchanged


@pytest.mark.long
def test_progress_grows_from_nothing_to_all(database):
    seen: list[tuple[str, float]] = []

    async def watched() -> None:
        connection = await asyncpg.connect(database.admin_url)
        await seed(connection, scale=0.002, progress=lambda *step: seen.append(step))
        await vacuum(connection)
        await connection.close()

    asyncio.run(watched())
    steps, fractions = zip(*seen, strict=True)
    assert list(fractions) == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert list(dict.fromkeys(steps)) == [
        "catalogue", "customers", "orders", "stock", "statistics", "done",
    ]  # fmt: skip
    with psycopg.connect(database.admin_url) as connection:
        assert one(connection, "select relallvisible from pg_class where relname = 'orders'") > 0


@pytest.mark.parametrize(
    ("scale", "until", "message"),
    [
        (0, None, "scale out of range: 0"),
        (-1, None, "scale out of range: -1"),
        (100.5, None, "scale out of range: 100.5"),
        (float("nan"), None, "scale out of range: NaN"),
        (float("inf"), None, "scale out of range: Infinity"),
        (0.00001, None, "scale too small: 0.00001"),
        (1, date(2020, 6, 30), "last day out of range: 2020-06-30"),
        (1, date(3026, 6, 30), "last day out of range: 3026-06-30"),
    ],
)
def test_bad_arguments_are_refused(database, scale, until, message):
    with pytest.raises(errors.ValidationError) as caught:
        asyncio.run(load(database.admin_url, scale, until))
    assert caught.value.message == message
    assert caught.value.hint
    assert left(database.admin_url) == 0


@pytest.mark.long
def test_the_ends_of_the_ranges_work(database):
    report = asyncio.run(load(database.admin_url, 0.0001, date(2020, 7, 1)))
    assert report.scale == Decimal("0.0001")
    assert report.products >= 424
    report = asyncio.run(load(database.admin_url, 0.0001, date(2039, 12, 31)))
    assert 70 <= report.orders <= 140


def refused(work):
    """Give what the command line says of a load that fails."""
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        asyncio.run(work)
    return cli._of_database(caught.value)  # noqa: SLF001


@pytest.mark.long
def test_a_database_without_the_schema_says_what_to_do(server):
    with server.janitor("zava_test_seed_bare"):
        told = refused(load(server.url("zava_test_seed_bare"), 0.01))
        assert told.sqlstate == "3F000"
        assert "db upgrade" in told.hint


@pytest.mark.long
def test_a_login_without_rights_is_refused(database):
    told = refused(load(database.service_url, 0.01))
    assert told.sqlstate == "42501"
    assert "administrator" in told.hint


@pytest.mark.long
def test_a_lost_connection_is_said_so(database):
    async def lost() -> None:
        connection = await asyncpg.connect(database.admin_url)
        await connection.close()
        await seed(connection, scale=0.01)

    assert isinstance(refused(lost()), errors.ServiceUnavailable)


@pytest.mark.long
def test_an_owner_without_superuser_can_load(run_server, seeded):
    major = one(seeded, "select current_setting('server_version_num')::int / 10000")
    with run_server(str(major)) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute("create role dba login createrole password 'dba'")
            admin.execute("create database owned owner dba")
        with psycopg.connect(server.url("owned"), autocommit=True) as admin:
            admin.execute("create extension vector")
        url = server.url("owned", "dba", "dba")
        migrate.upgrade(url)
        assert asyncio.run(load(url, 0.01)).customers == 500
        with psycopg.connect(server.url("owned"), autocommit=True) as admin:
            for table in ("customers", "orders", "order_items"):
                assert contents(admin, table) < contents(seeded, table)
            assert one(admin, "select count(*) from zava.principals") == 11


@pytest.mark.long
def test_orders_of_others_stay_and_count_in_the_ledger(database):
    url = database.admin_url
    asyncio.run(load(url, 0.01, date(2021, 6, 30)))
    with psycopg.connect(url, autocommit=True) as connection:
        store, product = rows(
            connection,
            "select i.store_id, i.product_id from retail.inventory as i"
            " join retail.stores as s using (store_id) where s.store_key = 'kirkland' limit 1",
        )[0]
        (order,) = connection.execute(
            "insert into retail.orders (store_id, order_date, status, total_amount)"
            " values (%s, '2021-03-05 12:00-08', 'pending', 30) returning order_id",
            [store],
        ).fetchone()
        connection.execute(
            "insert into retail.order_items (store_id, order_id, line_number, product_id,"
            " order_date, quantity, unit_price, unit_cost, total_amount)"
            " values (%s, %s, 1, %s, '2021-03-05 12:00-08', 3, 10, 6, 30)",
            [store, order, product],
        )
        mine = f"select o::text, i::text from retail.orders as o join retail.order_items as i using (store_id, order_id) where order_id = '{order}'"  # noqa: E501
        before = rows(connection, mine)
        asyncio.run(load(url, 0.02, date(2021, 6, 30)))
        assert rows(connection, mine) == before
        moved = connection.execute(
            "select sum(-quantity) from retail.stock_movements where kind = 'sale'"
            " and (store_id, product_id, moved_on) = (%s, %s, '2021-03-05')",
            [store, product],
        ).fetchone()
        assert moved[0] >= 3
        assert rows(connection, LEDGER_FAULTS) == []


LEDGER_FAULTS = """
with days as (
    select store_id, product_id, moved_on, sum(quantity) as moved
    from retail.stock_movements
    group by store_id, product_id, moved_on
),
levels as (
    select *, sum(moved) over (partition by store_id, product_id order by moved_on) as level
    from days
)
select store_id, product_id, moved_on::text from levels where level < 0
union all
select i.store_id, i.product_id, 'stock level'
from retail.inventory as i
left join days as d using (store_id, product_id)
group by i.store_id, i.product_id, i.stock_level
having i.stock_level <> coalesce(sum(d.moved), 0)
"""


@pytest.mark.long
def test_the_stock_ledger_adds_up_and_never_falls_below_nothing(seeded):
    assert rows(seeded, LEDGER_FAULTS) == []
    assert rows(
        seeded,
        "select kind, count(*) > 100 from retail.stock_movements group by kind order by kind",
    ) == [(kind, True) for kind in ("opening", "receipt", "return", "sale")]
    assert one(
        seeded,
        "select count(*) from (select 1 from retail.stock_movements where kind = 'opening'"
        " group by store_id, product_id having count(*) > 1 or min(moved_on) <> '2020-07-01') as x",
    ) == 0  # fmt: skip


@pytest.mark.long
def test_some_products_run_out_now_and_then(seeded):
    out, all_products = rows(
        seeded, "select count(*) filter (where stock_level = 0), count(*) from retail.inventory"
    )[0]
    assert 0 < out < 0.1 * all_products


@pytest.mark.long
def test_movements_are_the_order_lines(seeded):
    assert (
        rows(
            seeded,
            f"""
            select store_id, product_id, moved_on, kind, sum(quantity) from (
                select store_id, product_id, moved_on, kind, quantity
                from retail.stock_movements
                where kind in ('sale', 'return')
                union all
                select store_id, product_id, (i.order_date {LOCAL})::date,
                    case when i.quantity > 0 then 'sale' else 'return' end, i.quantity
                from retail.order_items as i
                join retail.orders as o using (store_id, order_id)
                where o.status <> 'cancelled'
            ) as both_sides
            group by 1, 2, 3, 4
            having sum(quantity) <> 0
            """,
        )
        == []
    )


@pytest.mark.long
def test_orders_are_the_sum_of_their_lines(seeded):
    assert one(seeded, "select count(*) from retail.orders") > 10_000
    faults = """
        select o.order_id
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        left join retail.order_items as i
            on i.store_id = o.store_id and i.order_id = o.order_id
        group by o.store_id, o.order_id, s.tax_rate
        having sum(i.total_amount) is distinct from o.total_amount
            or o.tax_amount <> round(o.total_amount * s.tax_rate, 2)
            or (min(i.line_number), max(i.line_number)) <> (1, count(*))
            or count(distinct i.product_id) <> count(*)
            or bool_or(i.order_date <> o.order_date)
            or bool_or((i.quantity < 0) <> (o.status = 'return'))
    """
    assert rows(seeded, faults) == []


@pytest.mark.long
def test_returns_name_the_lines_they_take_back(seeded):
    faults = f"""
        select r.order_id
        from retail.orders as r
        join retail.orders as o on o.store_id = r.store_id and o.order_id = r.return_of
        join retail.order_items as n on n.store_id = r.store_id and n.order_id = r.order_id
        left join retail.order_items as i
            on i.store_id = n.store_id
            and i.order_id = n.return_of_order_id
            and i.line_number = n.return_of_line_number
        where o.status <> 'completed'
            or n.return_of_order_id <> r.return_of
            or n.product_id is distinct from i.product_id
            or n.unit_price <> i.unit_price
            or n.discount_percent <> i.discount_percent
            or n.quantity not between -i.quantity and -1
            or n.discount_amount not between -i.discount_amount and 0
            or r.customer_id is distinct from o.customer_id
            or (r.order_date {LOCAL})::date - (o.order_date {LOCAL})::date not between 1 and 30
    """
    assert rows(seeded, faults) == []
    assert (
        one(
            seeded,
            "select count(*) from retail.order_items where return_of_order_id is not null"
            " group by store_id, return_of_order_id, return_of_line_number having count(*) > 1"
            " union all select 0",
        )
        == 0
    )
    share = one(
        seeded,
        "select count(*) filter (where quantity < 0)::float / count(*) filter (where quantity > 0)"
        " from retail.order_items",
    )
    assert 0.03 < share < 0.06
    assert one(seeded, "select max(order_date) from retail.orders where status = 'return'") < (
        one(seeded, f"select timestamp '2026-07-01' {LOCAL}")
    )


@pytest.mark.long
def test_nobody_buys_before_joining(seeded):
    first, joiners = rows(
        seeded,
        f"""
        select min((o.order_date {LOCAL})::date - c.joined_on),
            count(*) filter (where c.joined_on >= '2020-07-01')
        from retail.orders as o
        join retail.customers as c using (store_id, customer_id)
        """,
    )[0]
    assert first >= 0
    assert joiners > 1000


@pytest.mark.long
def test_customers_have_names_of_many_places_and_an_address_nobody_has(seeded):
    assert one(seeded, "select count(*) from retail.customers") == 2500
    assert one(seeded, "select count(*) from retail.customers where first_name ~ '[^ -~]'") > 100
    assert (
        one(
            seeded,
            "select count(*) from retail.customers"
            " where email !~ '^[a-z]+([.-][a-z]+)+-[0-9]+-[0-9]+@example[.](com|net|org)$'",
        )
        == 0
    )
    tiers = rows(seeded, "select loyalty_tier, count(*) from retail.customers group by 1")
    ordered = [dict(tiers)[tier] for tier in ("none", "bronze", "silver", "gold")]
    assert ordered == sorted(ordered, reverse=True)


@pytest.mark.long
def test_a_fifth_of_the_customers_makes_most_orders(seeded):
    share = one(
        seeded,
        """
        select sum(n) filter (where place <= (select count(*) / 5 from retail.customers))
            / sum(n)
        from (
            select count(*) as n, row_number() over (order by count(*) desc) as place
            from retail.orders
            where customer_id is not null and status <> 'return'
            group by store_id, customer_id
        ) as x
        """,
    )
    assert 0.55 < share < 0.9


@pytest.mark.long
def test_sales_differ_by_store_as_planned(seeded):
    shares = dict(
        rows(
            seeded,
            "select s.store_key, count(*)::float / sum(count(*)) over ()"
            " from retail.orders as o join retail.stores as s using (store_id)"
            " where o.status <> 'return' group by s.store_key",
        )
    )
    weights = {"seattle": 90, "bellevue": 65, "tacoma": 48, "spokane": 16, "online": 90}
    for store, weight in weights.items():
        assert shares[store] == pytest.approx(weight / 334, rel=0.08)
    values = dict(
        rows(
            seeded,
            "select s.store_key, avg(o.total_amount)::float"
            " from retail.orders as o join retail.stores as s using (store_id)"
            " where o.status = 'completed' group by s.store_key",
        )
    )
    assert values["online"] > values["seattle"] > values["tacoma"] > values["spokane"]
    stocked = dict(
        rows(
            seeded,
            "select s.store_key, count(*)::float / (select count(*) from retail.products)"
            " from retail.inventory as i join retail.stores as s using (store_id)"
            " group by s.store_key",
        )
    )
    assert stocked.pop("online") == 1
    assert all(0.65 < share < 1 for share in stocked.values())
    assert 0.69 < stocked["kirkland"] < 0.85


@pytest.mark.long
def test_every_year_grows_but_2023(seeded):
    orders = dict(
        rows(
            seeded,
            f"select extract(year from order_date {LOCAL})::int, count(*) from retail.orders"
            " where status = 'completed' group by 1",
        )
    )
    assert orders[2021] < orders[2022] > orders[2023] < orders[2024] < orders[2025]
    assert orders[2022] > 1.05 * orders[2023]


@pytest.mark.long
def test_demand_follows_the_season_of_the_category(seeded):
    lines = rows(
        seeded,
        f"""
        select c.name, extract(month from i.order_date {LOCAL})::int, count(*)
        from retail.order_items as i
        join retail.products as p using (product_id)
        join retail.categories as c using (category_id)
        -- five whole years
        where i.quantity > 0 and i.order_date >= '2021-01-01' and i.order_date < '2026-01-01'
        group by 1, 2
        """,
    )
    sold = {(category, month): count for category, month, count in lines}
    for file in CATALOGUE.glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        index, category = document["month_index"], document["category"]
        high, low = index.index(max(index)) + 1, index.index(min(index)) + 1
        planned = max(index) / min(index)
        assert sold[category, high] / sold[category, low] == pytest.approx(planned, rel=0.45)


@pytest.mark.long
def test_shops_keep_their_hours_and_saturday_is_busiest(seeded):
    hours = rows(
        seeded,
        f"select s.is_online, extract(hour from o.order_date {LOCAL})::int, count(*)"
        " from retail.orders as o join retail.stores as s using (store_id) group by 1, 2",
    )
    assert {hour for online, hour, _ in hours if not online} == set(range(7, 20))
    assert {hour for online, hour, _ in hours if online} == set(range(24))
    days = dict(
        rows(
            seeded,
            f"select extract(isodow from o.order_date {LOCAL})::int, count(*)"
            " from retail.orders as o join retail.stores as s using (store_id)"
            " where not s.is_online and o.status = 'completed' group by 1",
        )
    )
    assert max(days, key=days.__getitem__) == 6
    assert days[6] > 1.5 * days[2]


@pytest.mark.long
def test_baskets_discounts_and_costs_are_a_shop_s(seeded):
    lines, quantity, discounted, cost = rows(
        seeded,
        """
        select count(*)::float / count(distinct (i.store_id, i.order_id)),
            avg(i.quantity)::float,
            count(*) filter (where i.discount_percent > 0)::float / count(*),
            (sum(i.quantity * i.unit_cost) / sum(i.quantity * i.unit_price))::float
        from retail.order_items as i
        where i.quantity > 0
        """,
    )[0]
    assert lines == pytest.approx(2.6, rel=0.06)
    assert 1.5 < quantity < 2.5
    assert discounted == pytest.approx(0.15, abs=0.02)
    assert cost == pytest.approx(0.67, abs=0.02)
    assert rows(
        seeded,
        "select distinct discount_percent::int from retail.order_items order by 1",
    ) == [(0,), (5,), (10,), (15,), (20,)]
    assert (
        one(seeded, "select count(*) from retail.order_items where unit_price % 0.1 <> 0.09") == 0
    )
    cancelled, cash = rows(
        seeded,
        "select count(*) filter (where status = 'cancelled')::float / count(*),"
        " count(*) filter (where customer_id is null)::float / count(*)"
        " from retail.orders where status <> 'return'",
    )[0]
    assert 0 < cancelled < 0.01
    assert cash == pytest.approx(0.08, abs=0.02)


@pytest.mark.long
def test_prices_are_those_of_the_day_and_the_last_ones_stand_in_the_inventory(seeded):
    medians = [
        price
        for (price,) in rows(
            seeded,
            f"""
            select avg(i.unit_price / p.list_price)::float
            from retail.order_items as i
            join retail.products as p using (product_id)
            where i.quantity > 0 and p.list_price > 10
            group by extract(year from i.order_date {LOCAL})
            order by extract(year from i.order_date {LOCAL})
            """,
        )
    ]
    assert medians == sorted(medians)
    assert medians[0] < 0.85
    wrong = f"""
        select 1 from retail.order_items as i
        join retail.inventory as v using (store_id, product_id)
        where extract(year from i.order_date {LOCAL}) = 2026 and i.quantity > 0
            and (i.unit_price, i.unit_cost) <> (v.price, v.unit_cost)
    """
    assert rows(seeded, wrong) == []


@pytest.mark.long
def test_the_best_sellers_of_a_type_sell_by_zipf_s_law(seeded):
    """Online stocks everything; rank 1 sells about 2 ^ 0.8 times as much as rank 2."""
    sold = dict(
        rows(
            seeded,
            "select p.sku, count(*) from retail.order_items as i"
            " join retail.products as p using (product_id)"
            " join retail.stores as s using (store_id)"
            " where s.is_online and i.quantity > 0 group by p.sku",
        )
    )
    by_rank = [0, 0, 0, 0, 0]
    for file in CATALOGUE.glob("*.json"):
        for kind in json.loads(file.read_text(encoding="utf-8"))["types"]:
            ranked = sorted(kind["products"], key=lambda product: -product["popularity"])
            for rank in range(5):
                by_rank[rank] += sold.get(ranked[rank]["sku"], 0)
    for rank in (2, 3, 5):
        assert by_rank[0] / by_rank[rank - 1] == pytest.approx(rank**0.8, rel=0.15)


@pytest.mark.long
def test_what_goes_together_is_bought_together(seeded):
    baskets: dict[str, set[str]] = {}
    for order, kind in rows(
        seeded,
        "select i.order_id::text, t.name from retail.order_items as i"
        " join retail.products as p using (product_id)"
        " join retail.product_types as t using (type_id) where i.quantity > 0",
    ):
        baskets.setdefault(order, set()).add(kind)
    frequency: dict[str, int] = {}
    for kinds in baskets.values():
        for kind in kinds:
            frequency[kind] = frequency.get(kind, 0) + 1
    lifts = []
    for file in CATALOGUE.glob("*.json"):
        for kind in json.loads(file.read_text(encoding="utf-8"))["types"]:
            both = sum(
                kind["type"] in kinds and partner in kinds
                for partner in kind["goes_with"]
                for kinds in baskets.values()
            )
            by_chance = sum(frequency[kind["type"]] * frequency[p] for p in kind["goes_with"])
            lifts.append(both * len(baskets) / by_chance)
    assert min(lifts) > 1.2
    assert sum(lifts) / len(lifts) > 2


@pytest.mark.long
def test_stores_catalogue_and_tenants_are_complete(seeded):
    assert dict(rows(seeded, "select store_key, name from retail.stores")) == {
        key: f"Zava Retail {key.capitalize()}" for key in TENANTS
    }
    files = [json.loads(file.read_text(encoding="utf-8")) for file in CATALOGUE.glob("*.json")]
    skus = {p["sku"] for file in files for kind in file["types"] for p in kind["products"]}
    assert {sku for (sku,) in rows(seeded, "select sku from retail.products")} == skus
    assert len(skus) >= 424
    assert one(seeded, "select count(*) from retail.categories") == 9
    principals = rows(
        seeded,
        """
        select p.name, p.kind, p.role_name::text, p.principal_id::text,
            coalesce(string_agg(s.store_key, ' ' order by s.store_key collate "C"), '')
        from zava.principals as p
        left join zava.principal_stores as ps using (principal_id)
        left join retail.stores as s using (store_id)
        group by p.principal_id
        """,
    )
    ids = {name: principal for name, kind, _, principal, _ in principals if kind == "store"}
    assert ids == TENANTS
    assert {(name, kind, role, stores) for name, kind, role, _, stores in principals} == {
        *((key, "store", f"zava_store_{key}", key) for key in TENANTS),
        ("head-office", "head", "zava_head_office", ""),
        ("eastside", "region", "zava_region_eastside", "bellevue kirkland redmond"),
        (
            "puget-sound",
            "region",
            "zava_region_puget_sound",
            "bellevue everett kirkland redmond seattle tacoma",
        ),
    }


@pytest.mark.long
def test_the_totals_of_scale_one_are_as_promised(seeded):
    """Expectations of every store and day, without making the rows."""
    files = [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted(CATALOGUE.glob("*.json"))
    ]
    orders, founders, joiners = seeded.execute(
        "select (select sum(d.expected) / 1000000 from zava.seed_shops() as s cross join lateral"
        " zava.seed_days(%s, s.store_key, '2020-07-01', '2026-06-30') as d),"
        " sum(founders), sum(joiners) from zava.seed_shops()",
        [json.dumps(files)],
    ).fetchone()
    assert float(orders) == pytest.approx(200_000, rel=0.0001)
    assert founders + 6 * joiners == 50_000
