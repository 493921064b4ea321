"""The rollup equals the lines to the cent, whatever was edited; refresh beside writers; plans."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest
import reports
import test_analytics_customers as customers_of_a_store
import test_analytics_outlook as outlook_of_a_store
import test_analytics_stock as stock_of_a_store
from mcp_clients import ROOT

from zava_sql import db_files

pytestmark = pytest.mark.once

SEED = 20240310
BASED = ("top_products", "discount_impact", "returns_analysis")


@pytest.fixture(scope="module")
def filled(clone):
    """Give a copy with the demo's data and a full rollup."""
    with clone(seeded=True) as database, connect(database) as connection:
        connection.execute("select zava.refresh_daily_sales()")
        yield database, connection


def connect(database, **options):
    return psycopg.connect(database.admin_url, autocommit=True, **options)


def take_back(store, day):
    """Give the statement of a writer who changes sales of a day, as the documentation has it."""
    page = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    statement = re.search(r"update retail\.stores[^;]*", page).group()
    for name, value in (
        ("2025-03-07", day),
        ("2025-03-06", day - timedelta(days=1)),
        ("seattle", store),
    ):
        assert name in statement
        statement = statement.replace(name, str(value))
    return statement.encode()


# ---------------------------------------------------------------- equal to the lines


def expected(raw, until):
    """Sum the raw rows up in Python, for the days that each store has stored."""
    sums = {"category": {}, "total": {}, "customer": {}}
    for line in raw.lines:
        order = line.order
        if until[order.store] is None or order.day > until[order.store]:
            continue
        for kind, key in (
            ("category", (order.store, order.day, line.category)),
            ("total", (order.store, order.day)),
        ):
            row = sums[kind].setdefault(key, Counter(orders=set()))
            row["lines"] += 1
            row["units"] += line.quantity
            row["revenue"] += line.total
            row["cost"] += line.quantity * line.cost
            row["discount_amount"] += line.discount
            if line.is_return:
                row["returned_units"] -= line.quantity
            else:
                row["gross_revenue"] += line.total
                if kind == "category":
                    row["orders"].add(order.order)
    for order in raw.orders:
        if until[order.store] is not None and order.day <= until[order.store]:
            key = (order.store, order.day)
            sums["total"].setdefault(key, Counter(orders=set()))["orders"].add(order.order)
    for key, row in customers(raw).items():
        if until[key[0]] is not None and key[2] <= until[key[0]]:
            sums["customer"][key] = row
    return {
        kind: {
            key: row if kind == "customer" else tuple(measures(row)) for key, row in rows.items()
        }
        for kind, rows in sums.items()
    }


def customers(raw):
    """Sum up orders, gross and net revenue and cost by store, customer and day."""
    sums = {}
    for order in raw.every.values():
        if order.customer and order.status in reports.SOLD:
            row = sums.setdefault((order.store, order.customer, order.day), [0, 0, 0, 0])
            row[0] += order.status == "completed"
            row[2] += order.total
    for line in raw.lines:
        if line.order.customer:
            key = (line.order.store, line.order.customer, line.order.day)
            sums[key][1] += 0 if line.is_return else line.total
            sums[key][3] += line.quantity * line.cost
    return {key: tuple(row) for key, row in sums.items()}


def measures(row):
    yield row["lines"]
    yield len(row["orders"])
    yield from (row[name] for name in ("units", "returned_units"))
    for name in ("gross_revenue", "revenue", "cost", "discount_amount"):
        yield Decimal(row[name])


COLUMNS = (
    "d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,"
    " d.discount_amount"
)


def stored(connection):
    category = connection.execute(
        f"select s.store_key, d.sold_on, c.name, {COLUMNS} from retail.daily_sales as d"
        " join retail.stores as s on s.store_id = d.store_id and d.sold_on <= s.rolled_up_to"
        " join retail.categories as c on c.category_id = d.category_id"
    ).fetchall()
    total = connection.execute(
        f"select s.store_key, d.sold_on, {COLUMNS} from retail.daily_totals as d"
        " join retail.stores as s on s.store_id = d.store_id and d.sold_on <= s.rolled_up_to"
    ).fetchall()
    customer = connection.execute(
        "select s.store_key, d.customer_id::text, d.sold_on, d.orders, d.gross_revenue, d.revenue,"
        " d.cost from retail.daily_customers as d"
        " join retail.stores as s on s.store_id = d.store_id and d.sold_on <= s.rolled_up_to"
    ).fetchall()
    return {
        "category": {row[:3]: row[3:] for row in category},
        "total": {row[:2]: row[2:] for row in total},
        "customer": {row[:3]: row[3:] for row in customer},
    }


def marks(connection):
    return dict(connection.execute("select store_key, rolled_up_to from retail.stores").fetchall())


def assert_equal_to_lines(connection, raw=None):
    raw = raw or reports.read(connection)
    assert stored(connection) == expected(raw, marks(connection))


def test_the_rollup_of_the_demo_data_equals_its_lines(filled):
    _, connection = filled
    assert all(marks(connection).values())
    assert_equal_to_lines(connection)


SELL = """
with place as (
    select s.store_id, gen_random_uuid() as order_id,
        (%(day)s::date + %(time)s::time) at time zone s.time_zone as moment, c.customer_id
    from retail.stores as s
    cross join lateral (
        select c.customer_id from retail.customers as c where c.store_id = s.store_id
        order by md5(c.customer_id || %(salt)s) limit 1
    ) as c
    where s.store_key = %(store)s
),
sold as (
    insert into retail.orders (
        store_id, order_id, customer_id, order_date, status, total_amount
    )
    select p.store_id, p.order_id, p.customer_id, p.moment, %(status)s, 0 from place as p
    returning store_id, order_id, order_date
)
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_amount, total_amount
)
select o.store_id, o.order_id, row_number() over (), p.product_id, o.order_date, p.quantity,
    p.list_price, 1.11, 0.37, p.quantity * p.list_price - 0.37
from sold as o
cross join lateral (
    select p.product_id, p.list_price, 1 + length(p.sku || o.order_id) %% 3 as quantity
    from retail.products as p order by md5(p.sku || o.order_id) limit %(lines)s
) as p
"""
RETURN = """
with back as (
    select i.*, o.customer_id, gen_random_uuid() as new_id from retail.order_items as i
    join retail.orders as o on o.store_id = i.store_id and o.order_id = i.order_id
    join retail.stores as s on s.store_id = i.store_id
    where s.store_key = %(store)s and o.status = 'completed' and i.quantity > 0
    order by md5(i.order_id::text || %(salt)s) limit 1
),
head as (
    insert into retail.orders (
        store_id, order_id, customer_id, order_date, status, return_of, total_amount
    )
    select b.store_id, b.new_id, b.customer_id,
        (%(day)s::date + %(time)s::time) at time zone 'America/Los_Angeles', 'return', b.order_id, 0
    from back as b
    returning store_id, order_id, order_date
)
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_amount, total_amount, return_of_order_id, return_of_line_number
)
select h.store_id, h.order_id, 1, b.product_id, h.order_date, -1, b.unit_price, b.unit_cost, 0,
    -b.unit_price, b.order_id, b.line_number
from head as h join back as b on b.new_id = h.order_id
"""
# One order that takes a piece back and sells three.
EXCHANGE = (
    RETURN.replace("'return', b.order_id", "'completed', null")
    + """
union all
select h.store_id, h.order_id, 2, b.product_id, h.order_date, 3, b.unit_price, b.unit_cost, 0,
    3 * b.unit_price, null, null
from head as h join back as b on b.new_id = h.order_id
"""
)
# Of one store, on one of its days.
CHOSEN = """
from retail.orders as o join retail.stores as s on s.store_id = o.store_id
where s.store_key = %(store)s and (o.order_date at time zone s.time_zone)::date = %(day)s
"""
EDITS = {
    "sell": SELL,
    "return": RETURN,
    "exchange": EXCHANGE,
    "cancel or complete": f"""
        update retail.orders set status = case status when 'cancelled' then 'completed'
            else 'cancelled' end
        where status in ('completed', 'cancelled', 'pending')
            and order_id in (select o.order_id {CHOSEN})""",
    "change lines": f"""
        update retail.order_items set discount_amount = discount_amount + 0.05,
            total_amount = total_amount - 0.05, unit_cost = unit_cost + 0.01
        where order_id in (select o.order_id {CHOSEN})""",
    "another customer": f"""
        update retail.orders as o set customer_id = (
            select c.customer_id from retail.customers as c where c.store_id = o.store_id
            order by md5(c.customer_id || %(salt)s) limit 1
        )
        where o.order_id in (select o.order_id {CHOSEN})""",
    "delete": f"""
        delete from retail.orders where order_id in (
            select o.order_id {CHOSEN} and not exists (
                select from retail.order_items as r where r.return_of_order_id = o.order_id
            )
        )""",
    "another category": f"""
        update retail.order_items set product_id = (
            select p.product_id from retail.products as p order by md5(p.sku || %(salt)s) limit 1
        )
        where line_number = 1 and order_id in (select o.order_id {CHOSEN})""",
}

# An order's total is the sum of its lines.
TOTALS = """
update retail.orders as o set total_amount = t.total
from (
    select i.store_id, i.order_id, sum(i.total_amount) as total
    from retail.order_items as i group by i.store_id, i.order_id
) as t
where t.store_id = o.store_id and t.order_id = o.order_id and t.total <> o.total_amount
"""


@pytest.mark.parametrize(
    "protocol",
    [
        "the writer takes days back",
        pytest.param("p_from", marks=pytest.mark.long),
        pytest.param("the last 31 days", marks=pytest.mark.long),
    ],
)
def test_random_edits_end_in_a_rollup_that_equals_the_lines(clone, protocol):
    """Half of the days are recent, half anywhere; some are later than what is stored."""
    choose = random.Random(f"{SEED} {protocol}")  # noqa: S311 - repeatable, not secret
    with clone(seeded=True) as database, connect(database) as connection:
        connection.execute("select zava.refresh_daily_sales(null, '2026-05-15')")
        stores = list(marks(connection))
        for _ in range(6):
            edited = []
            for _ in range(choose.randint(1, 8)):
                store = choose.choice(stores)
                mark = marks(connection)[store]
                recent = protocol == "the last 31 days" or choose.random() < 0.5
                day = mark - timedelta(days=choose.randint(-40, 30 if recent else 2200))
                values = {
                    "store": store,
                    "day": day,
                    "time": choose.choice(["00:00:00", "02:30:00", "13:00:00", "23:59:59.999999"]),
                    "status": choose.choice(["completed", "pending"]),
                    "lines": choose.randint(0, 5),
                    "salt": str(choose.random()),
                }
                edit = choose.choice(list(EDITS))
                with connection.transaction():
                    if protocol == "the writer takes days back":
                        connection.execute(take_back(store, day))
                    connection.execute(EDITS[edit].encode(), values)
                    connection.execute(TOTALS)
                edited.append(day)
            if protocol == "the writer takes days back":
                assert_equal_to_lines(connection, raw := reports.read(connection))
                assert_reports_equal_lines(connection, raw)
            connection.execute(
                "select zava.refresh_daily_sales(%s, %s)",
                [
                    min(edited) if protocol == "p_from" else None,
                    choose.choice([None, max(edited)]),
                ],
            )
            assert_equal_to_lines(connection, raw := reports.read(connection))
            assert_reports_equal_lines(connection, raw)


def assert_reports_equal_lines(connection, raw):
    """Compare what the reports read, rollup and lines together, with all lines."""
    by_category = connection.execute(
        "select s.store_key, d.sold_on, c.name, sum(d.units), sum(d.revenue)"
        " from api._daily_sales(array(select store_id from retail.stores),"
        " '2000-01-01', '2099-12-31') as d join retail.stores as s on s.store_id = d.store_id"
        " join retail.categories as c on c.category_id = d.category_id group by 1, 2, 3"
    ).fetchall()
    groups = reports.grouped(raw.lines, lambda x: (x.order.store, x.order.day, x.category))
    assert {row[:3]: row[3:] for row in by_category} == {
        key: (reports.units(lines), reports.revenue(lines)) for key, lines in groups.items()
    }
    rows = connection.execute(
        "select s.store_key, d.sold_on, sum(d.orders), sum(d.revenue), sum(d.cost)"
        " from api._daily_totals(array(select store_id from retail.stores),"
        " '2000-01-01', '2099-12-31') as d join retail.stores as s on s.store_id = d.store_id"
        " group by 1, 2"
    ).fetchall()
    by_customer = connection.execute(
        "select s.store_key, d.customer_id::text, d.sold_on, d.orders, d.gross_revenue, d.revenue,"
        " d.cost from retail.stores as s cross join lateral"
        " api._daily_customers(s.store_id, '2000-01-01', '2099-12-31') as d"
    ).fetchall()
    assert {row[:3]: row[3:] for row in by_customer} == customers(raw)
    lines = reports.grouped(raw.lines, lambda x: (x.order.store, x.order.day))
    orders = Counter((o.store, o.day) for o in raw.orders)
    assert {row[:2]: row[2:] for row in rows} == {
        key: (
            orders[key],
            reports.revenue(lines.get(key, [])),
            sum(x.quantity * x.cost for x in lines.get(key, [])),
        )
        for key in lines.keys() | orders.keys()
    }


# ---------------------------------------------------------------- beside writers


def waiting(connection, pid):
    """Wait until a backend waits for a lock."""
    for _ in range(500):
        row = connection.execute("select cardinality(pg_blocking_pids(%s))", [pid]).fetchone()
        if row[0]:
            return True
        time.sleep(0.01)
    return False


BACK = take_back("seattle", date(2024, 4, 10))
LATE = {
    "store": "seattle",
    "day": "2024-04-10",
    "time": "12:00",
    "status": "completed",
    "lines": 2,
    "salt": "late",
}


def test_a_refresh_waits_for_a_writer_and_sees_what_it_wrote(clone):
    with (
        clone(seeded=True) as database,
        connect(database) as connection,
        connect(database) as other,
        psycopg.connect(database.admin_url) as writer,
    ):
        connection.execute("select zava.refresh_daily_sales()")
        writer.execute(BACK)
        writer.execute(SELL.encode(), LATE)
        refresh = threading.Thread(
            target=other.execute, args=["select zava.refresh_daily_sales('2024-01-01')"]
        )
        refresh.start()
        assert waiting(connection, other.info.backend_pid)
        writer.commit()
        refresh.join()
        assert_equal_to_lines(connection)


def test_a_writer_waits_for_a_refresh_and_takes_its_days_back(clone):
    with (
        clone(seeded=True) as database,
        connect(database) as connection,
        psycopg.connect(database.admin_url) as refresh,
        psycopg.connect(database.admin_url) as writer,
    ):
        connection.execute("select zava.refresh_daily_sales('-infinity', '2024-04-01')")
        refresh.execute("select zava.refresh_daily_sales()")

        def write():
            writer.execute(BACK)
            writer.execute(SELL.encode(), LATE)
            writer.commit()

        thread = threading.Thread(target=write)
        thread.start()
        assert waiting(connection, writer.info.backend_pid)
        refresh.commit()
        thread.join()
        assert str(marks(connection)["seattle"]) == "2024-04-09"
        assert_reports_equal_lines(connection, reports.read(connection))
        connection.execute("select zava.refresh_daily_sales()")
        assert_equal_to_lines(connection)


def test_a_writer_makes_no_mark_where_nothing_was_stored(clone):
    with clone(seeded=True) as database, connect(database) as connection:
        connection.execute(take_back("seattle", date(2024, 4, 10)))
        connection.execute(SELL.encode(), LATE)
        assert_reports_equal_lines(connection, reports.read(connection))
        connection.execute("select zava.refresh_daily_sales()")
        assert_equal_to_lines(connection)


def test_two_refreshes_at_once_end_as_one(clone):
    with clone(seeded=True) as database, connect(database) as connection:
        others = [connect(database) for _ in range(2)]
        threads = [
            threading.Thread(target=other.execute, args=["select zava.refresh_daily_sales()"])
            for other in others
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for other in others:
            other.close()
        assert_equal_to_lines(connection)
        assert all(marks(connection).values())


def test_an_interrupted_refresh_goes_on_where_the_last_step_ended(clone):
    with clone(seeded=True) as database, connect(database) as connection:
        connection.execute("select zava.refresh_daily_sales(null, '2022-12-31')")
        half = marks(connection)
        with psycopg.connect(database.admin_url) as cut_off:
            cut_off.execute("select zava.refresh_daily_sales()")
            cut_off.rollback()
        assert marks(connection) == half
        assert_equal_to_lines(connection)
        connection.execute("select zava.refresh_daily_sales()")
        assert_equal_to_lines(connection)


# ---------------------------------------------------------------- who


def test_an_administrator_without_superuser_refreshes(clone):
    with clone(seeded=True) as database, psycopg.connect(database.admin_url) as connection:
        connection.execute("create role analytics_test_admin in role zava_owner, zava_writer")
        connection.execute("set role analytics_test_admin")
        connection.execute("select zava.refresh_daily_sales()")
        connection.execute("reset role")
        assert_equal_to_lines(connection)
        connection.rollback()


@pytest.mark.parametrize("table", ["daily_sales", "daily_totals", "daily_customers"])
def test_a_tenant_sees_its_own_rows_of_the_rollup(filled, table):
    database, connection = filled
    by_store = f"select s.store_key, count(*) from retail.{table} as d join retail.stores as s on s.store_id = d.store_id group by 1"  # noqa: E501
    truth = dict(connection.execute(by_store.encode()).fetchall())
    everything = set(truth)
    for name, stores in (
        ("seattle", {"seattle"}),
        ("eastside", {"bellevue", "redmond", "kirkland"}),
        ("head-office", everything),
    ):
        with reports.as_tenant(database, name) as tenant:
            seen = {row["store_key"]: row["count"] for row in reports.ask(tenant, by_store)}
            assert seen == {store: truth[store] for store in stores}
            (row,) = reports.ask(tenant, f"select count(*) from retail.{table}")
            assert row["count"] == sum(seen.values())
            tenant.execute("select set_config('zava.context', '', false)")
            assert reports.ask(tenant, f"select count(*) from retail.{table}") == [{"count": 0}]


# ---------------------------------------------------------------- plans

LARGE = """
set session_replication_role = replica;
insert into retail.orders (store_id, order_id, customer_id, order_date, status, total_amount)
select s.store_id, md5(s.store_key || n)::uuid, md5((n %% 500)::text)::uuid,
    timestamptz '2020-07-01' + n * interval '2190 days' / 6000, 'completed', 10
from retail.stores as s cross join generate_series(1, 6000) as n;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select o.store_id, o.order_id, l, p.product_id, o.order_date, 1, 10, 6, 10
from retail.orders as o
cross join generate_series(1, 2) as l
join (select p.product_id, row_number() over () as n from retail.products as p) as p
    on p.n = 1 + hashtext(o.order_id::text || l) %% 250 + 250
where o.status = 'completed'
on conflict do nothing;
set session_replication_role = origin;
"""


# By day; or, for a category, by product and day.
# Or by order or customer; only whether a customer is new needs all orders there are (alias e).
BY_KEY = re.compile(
    r"order_id = |customer_id = |orders_not_sold_idx|order_items_return_of_idx| on orders e "
)
INDEXES = ("order_items_store_id_order_date_idx", "order_items_store_id_product_id_idx")


@pytest.fixture(scope="module")
def large(clone):
    """Give a copy in which one store is a small part of the lines."""
    with clone(seeded=True) as database, connect(database) as connection:
        connection.execute(LARGE.replace("%%", "%").encode())
        connection.execute("vacuum analyze")
        yield database


def plans(database, query):
    """Collect the plans of all statements inside a function, as a store runs them."""
    found = []
    with connect(database) as admin:
        try:
            admin.execute("load 'auto_explain'")
        except psycopg.errors.UndefinedFile:
            pytest.skip("this server has no auto_explain")
        for name, value in (
            ("log_min_duration", "0"),
            ("log_nested_statements", "on"),
            ("log_analyze", "on"),
            ("log_level", "notice"),
        ):
            admin.execute("select set_config(%s, %s, false)", [f"auto_explain.{name}", value])
        reports.become(admin, database.context_key, "seattle")
        admin.add_notice_handler(lambda notice: found.append(notice.message_primary))
        assert admin.execute(query.encode()).fetchall()
    return "\n".join(found)


PLANNED = [
    *(f"{name}(p_from => '2026-05-01', p_to => '2026-05-31')" for name in BASED),
    "sales_trend(p_from => '2026-05-01', p_to => '2026-05-31')",
    "sales_trend(p_from => '2026-05-01', p_to => '2026-05-31', p_category => 'Hand Tools')",
    "category_performance(p_from => '2026-05-01', p_to => '2026-05-31')",
    "store_comparison(p_from => '2026-05-01', p_to => '2026-05-31')",
    "store_performance('{store}', '2026-05-01', '2026-05-31')",
    "seasonality(p_years => 1)",
]


def test_the_plan_of_every_report_is_proved():
    reports_there = {
        path.stem for path in (db_files.db_path() / "functions/analytics").glob("[a-z]*.sql")
    }
    calls = [
        *PLANNED,
        *(call for call, *_ in customers_of_a_store.PLANNED),
        *stock_of_a_store.PLANNED,
        *outlook_of_a_store.PLANNED,
    ]
    assert {call.partition("(")[0] for call in calls} == reports_there - {"refresh_daily_sales"}


@pytest.mark.parametrize("call", PLANNED)
def test_no_report_of_a_store_loses_the_index_by_store_and_day(large, call):
    """Nothing is stored in the rollup here: every report reads the lines of its period."""
    with connect(large) as connection:
        (store,) = connection.execute(
            "select store_id from retail.stores where store_key = 'seattle'"
        ).fetchone()
    lines = plans(large, f"select * from api.{call.format(store=store)}").splitlines()
    plan = [line for line in lines if "(never executed)" not in line]
    assert any(index in line for line in plan for index in INDEXES)
    assert not [line for line in plan if re.search("Seq Scan on (order_items|orders) ", line)]
    assert not list(unbounded(plan)), "\n".join(plan)


def unbounded(plan):
    """Give scans of more than the days asked for; the first row alone of an index is no such."""
    for number, line in enumerate(plan):
        if re.search("Scan using .* on (order_items|orders) |Bitmap Index Scan on order", line):
            condition = next((x for x in plan[number:] if "Cond:" in x), "")
            first_row = any("Limit" in x for x in plan[max(number - 9, 0) : number])
            by_key = BY_KEY.search(condition) or BY_KEY.search(line)
            if "order_date >=" not in condition and not by_key and not first_row:
                yield line, condition
