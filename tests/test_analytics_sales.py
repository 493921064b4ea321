"""Reports on sales against a second computation: plain Python over the raw rows, to the cent."""

from __future__ import annotations

import asyncio
import math
from datetime import date, timedelta
from decimal import Decimal
from statistics import linear_regression

import psycopg
import pytest
import reports
import tenants
from reports import cents, gross, growth, margin, percent, ratio, return_rate, returned, units

from zava_sql.agent import Agent
from zava_sql.principals import find_principal

pytestmark = pytest.mark.once

PRINCIPALS = {
    "seattle": ("seattle",),
    "eastside": ("bellevue", "redmond", "kirkland"),
    "head-office": None,
}
# The whole of the data, a year, a quarter with a leap day before, one day, and days before and
# after all sales. None is the default.
RANGES = [
    (None, None),
    (date(2020, 7, 1), date(2026, 6, 30)),
    (date(2024, 3, 1), date(2025, 2, 28)),
    (date(2024, 2, 29), date(2024, 5, 31)),
    (date(2025, 4, 5), date(2025, 4, 5)),
    (date(2019, 1, 1), date(2020, 8, 31)),
    (date(2026, 6, 1), date(2026, 12, 31)),
]


# Stores around the world, which sell at midnight and at hours that clocks skip or repeat; gifts,
# goods that cost nothing, sales below cost; a store that gave everything away.
ODD = """
update retail.stores as s set time_zone = z.zone
from (
    select s.store_id, (array[
        'America/New_York', 'Asia/Tokyo', 'UTC', 'Pacific/Kiritimati', 'America/Los_Angeles',
        'Pacific/Pago_Pago'
    ])[1 + row_number() over (order by s.store_key) % 6] as zone
    from retail.stores as s
) as z where z.store_id = s.store_id;
update retail.orders as o set order_date = ((o.order_date at time zone s.time_zone)::date + (array[
    '00:00', '23:59:59.999999', '02:30', '01:30', '12:00'
])[1 + abs(hashtext(o.order_id::text) % 5)]::time) at time zone s.time_zone
from retail.stores as s where s.store_id = o.store_id;
update retail.order_items as i
set order_date = o.order_date,
    discount_amount = case when k.odd then i.quantity * i.unit_price else i.discount_amount end,
    total_amount = case when k.odd then 0 else i.total_amount end,
    unit_cost = case hashtext(o.order_id::text) % 7 when 0 then 0 when 1 then 2 * i.unit_cost
        else i.unit_cost end
from retail.orders as o
join retail.stores as s on s.store_id = o.store_id
cross join lateral (
    select hashtext(o.order_id::text) % 11 = 0
        or s.store_key = 'redmond' and o.status <> 'return' as odd
) as k
where o.store_id = i.store_id and o.order_id = i.order_id;
update retail.orders as o set total_amount = (
    select coalesce(sum(i.total_amount), 0) from retail.order_items as i
    where i.store_id = o.store_id and i.order_id = o.order_id
);
update retail.products set is_active = false where hashtext(sku) % 7 = 0;
select zava.refresh_daily_sales(p_to => '2025-01-31');
"""


@pytest.fixture(
    scope="module", params=["lines", "rollup", pytest.param("odd", marks=pytest.mark.long)]
)
def data(request, clone):
    """Ask everything before there is a rollup, when it holds all but June 2026, and of odd data."""
    with clone(seeded=True) as database:
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            if request.param == "rollup":
                connection.execute("select zava.refresh_daily_sales(p_to => '2026-05-31')")
            if request.param == "odd":
                connection.execute(ODD)
            raw = reports.read(connection)
        yield database, raw


@pytest.fixture(scope="module", params=PRINCIPALS)
def caller(request, data):
    """Give a tenant's connection, and the rows that it may see."""
    database, raw = data
    stores = PRINCIPALS[request.param]
    with reports.as_tenant(database, request.param) as connection:
        yield connection, raw.of(*stores) if stores else raw


def period(raw, start, end):
    """Fill the defaults in and leave out days to come, as the documentation says."""
    end = min(end or raw.newest, max(raw.today, raw.newest))
    return start or end - timedelta(days=29), end


def test_store_performance(data):
    database, everything = data
    with reports.as_tenant(database, "head-office") as connection:
        for store in reports.ask(connection, "select store_id, store_key from retail.stores"):
            raw = everything.of(store["store_key"])
            for start, end in RANGES:
                given = reports.ask(
                    connection,
                    "select * from api.store_performance(%s, %s, %s)",
                    store["store_id"],
                    start,
                    end,
                )
                start, end = period(everything, start, end)  # noqa: PLW2901
                now = figures(raw, start, end)
                before = figures(raw, *reports.days_before(start, end))
                year = figures(raw, reports.year_before(start), reports.year_before(end))
                assert [row["metric"] for row in given] == list(now)
                for row in given:
                    name = row["metric"]
                    assert row["value"] == now[name], name
                    assert row["previous"] == before[name], name
                    assert row["year_ago"] == year[name], name
                    assert row["change"] == change(name, now, before), name
                    assert row["year_change"] == change(name, now, year), name


def figures(raw, start, end):
    chosen = raw.between(start, end)
    lines, orders = chosen.lines, len(chosen.orders)
    first = {}
    for order in sorted(raw.orders, key=lambda o: o.moment):
        first.setdefault(order.customer, order.day)
    active = {order.customer for order in chosen.orders} - {None}
    new = {customer for customer in active if first[customer] >= start}
    return {
        "revenue": reports.revenue(lines),
        "gross_revenue": gross(lines),
        "orders": orders,
        "units": units(lines),
        "average_basket": ratio(gross(lines), orders),
        "margin": margin(lines),
        "margin_percent": percent(margin(lines), reports.revenue(lines)),
        "returned_units": returned(lines),
        "returned_revenue": gross(lines) - reports.revenue(lines),
        "return_rate": return_rate(lines),
        "active_customers": len(active),
        "new_customers": len(new),
        "returning_customers": len(active - new),
    }


def change(name, now, before):
    if now[name] is None or before[name] is None:
        return None
    if name in ("margin_percent", "return_rate"):
        return now[name] - before[name]
    return growth(now[name], before[name])


@pytest.mark.parametrize("category", [None, "Paint & Finishes"])
@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter"])
def test_sales_trend(caller, unit, category):
    connection, raw = caller
    oldest = raw.oldest
    every = raw.category(category) if category else raw
    by_day = reports.grouped(every.lines, lambda x: x.order.day)
    orders = reports.grouped(every.orders, lambda o: o.day)
    width = {"day": 7, "week": 4, "month": 3, "quarter": 4}[unit]

    def lines(start, end):
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return [x for day in days for x in by_day.get(day, [])]

    for start, end in RANGES[1:]:
        if unit == "day" and (end - start).days > 400:
            continue
        given = reports.ask(
            connection,
            "select * from api.sales_trend(p_from => %s, p_to => %s, p_category => %s,"
            " p_period => %s)",
            start, end, category, unit,
        )  # fmt: skip
        start, end = period(raw, start, end)  # noqa: PLW2901
        first = bucket(start, unit)
        starts = [first]
        while following(starts[-1], unit) <= end:
            starts.append(following(starts[-1], unit))
        history = []
        for _ in range(width):
            history.insert(0, preceding(history[0] if history else first, unit))
        whole = {b: lines(b, following(b, unit) - timedelta(days=1)) for b in history + starts}
        assert [row["period_from"] for row in given] == [max(b, start) for b in starts]
        for row, b in zip(given, starts, strict=True):
            last = following(b, unit) - timedelta(days=1)
            now = lines(max(b, start), min(last, end))
            count = sum(
                len(found)
                for day, found in orders.items()
                if max(b, start) <= day <= min(last, end)
            )
            complete = b >= start and last <= end
            assert (row["period_to"], row["is_complete"]) == (min(last, end), complete)
            assert (row["revenue"], row["gross_revenue"]) == (reports.revenue(now), gross(now))
            assert (row["units"], row["orders"]) == (units(now), count)
            assert row["average_basket"] == ratio(gross(now), count)
            assert row["margin"] == margin(now)
            assert row["margin_percent"] == percent(margin(now), reports.revenue(now))

            window = [x for x in history + starts if x <= b][-width:]
            cut_off = any(x in starts and x < start for x in window)
            if complete and not cut_off and window[0] >= oldest:
                total = sum(reports.revenue(whole[x]) for x in window)
                assert row["moving_average"] == ratio(total, width)
            else:
                assert row["moving_average"] is None

            before = preceding(b, unit)
            if complete and before >= oldest and not (before in starts and before < start):
                expected = growth(reports.revenue(now), reports.revenue(whole[before]))
                assert row["growth_percent"] == expected
            else:
                assert row["growth_percent"] is None

            ago = a_year_before(max(b, start), min(last, end), unit, complete=complete)
            if ago[0] >= oldest:
                assert row["year_ago_revenue"] == reports.revenue(lines(*ago))
                assert row["year_growth_percent"] == growth(row["revenue"], row["year_ago_revenue"])
            else:
                assert row["year_ago_revenue"] is row["year_growth_percent"] is None


def bucket(day, unit):
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(day=1, month=day.month - (day.month - 1) % 3) if unit == "quarter" else day


def following(start, unit):
    far = {"day": 1, "week": 7, "month": 31, "quarter": 93}[unit]
    return bucket(start + timedelta(days=far), unit)


def preceding(start, unit):
    return bucket(start - timedelta(days=1), unit)


def a_year_before(start, end, unit, *, complete):
    if unit in ("day", "week"):
        return start - timedelta(days=364), end - timedelta(days=364)
    if complete:
        return reports.year_before(start), reports.year_before(end + timedelta(days=1)) - timedelta(
            days=1
        )
    return reports.year_before(start), reports.year_before(end)


@pytest.mark.parametrize("category", [None, "Hand Tools"])
@pytest.mark.parametrize("by", ["revenue", "units", "margin"])
def test_top_products(caller, by, category):
    connection, raw = caller
    measure = {"revenue": reports.revenue, "units": units, "margin": margin}[by]
    for start, end in RANGES:
        given = reports.ask(
            connection,
            "select * from api.top_products(p_from => %s, p_to => %s, p_category => %s,"
            " p_by => %s, p_limit => 15)",
            start, end, category, by,
        )  # fmt: skip
        lines = [
            x
            for x in raw.between(*period(raw, start, end)).lines
            if category is None or x.category == category
        ]
        total = reports.revenue(lines)
        products = reports.grouped(lines, lambda x: x.sku)
        ranked = sorted(products.items(), key=lambda item: (-measure(item[1]), item[0]))[:15]
        assert [(row["rank"], row["sku"]) for row in given] == [
            (place, sku) for place, (sku, _) in enumerate(ranked, 1)
        ]
        for row, (_, own) in zip(given, ranked, strict=True):
            sold = [x for x in own if not x.is_return]
            assert (row["product"], row["category"], row["product_type"]) == (
                own[0].product, own[0].category, own[0].kind,
            )  # fmt: skip
            assert row["revenue"] == reports.revenue(own)
            assert row["revenue_percent"] == percent(reports.revenue(own), total)
            assert (row["units"], row["returned_units"]) == (units(own), returned(own))
            assert row["orders"] == len({x.order.order for x in sold})
            assert row["margin"] == margin(own)
            assert row["margin_percent"] == percent(margin(own), reports.revenue(own))
            assert row["return_rate"] == return_rate(own)


def test_category_performance(caller):
    connection, raw = caller
    for start, end in RANGES:
        given = reports.ask(
            connection,
            "select * from api.category_performance(p_from => %s, p_to => %s)",
            start,
            end,
        )
        start, end = period(raw, start, end)  # noqa: PLW2901
        now = raw.between(start, end)
        before = raw.between(*reports.days_before(start, end))
        year = raw.between(reports.year_before(start), reports.year_before(end))
        assert {row["category"] for row in given} == set(raw.categories)
        assert given == sorted(given, key=lambda row: (-row["revenue"], row["category"]))
        for row in given:
            own = now.category(row["category"])
            earlier, ago = (
                reports.revenue(x.category(row["category"]).lines) for x in (before, year)
            )
            assert row["revenue"] == reports.revenue(own.lines)
            assert row["revenue_percent"] == percent(row["revenue"], reports.revenue(now.lines))
            assert (row["gross_revenue"], row["margin"]) == (gross(own.lines), margin(own.lines))
            assert (row["orders"], row["units"]) == (len(own.orders), units(own.lines))
            assert row["margin_percent"] == percent(row["margin"], row["revenue"])
            assert row["discount_amount"] == sum(x.discount for x in own.lines)
            assert row["returned_units"] == returned(own.lines)
            assert row["return_rate"] == return_rate(own.lines)
            assert (row["previous_revenue"], row["year_ago_revenue"]) == (earlier, ago)
            assert row["growth_percent"] == growth(row["revenue"], earlier)
            assert row["year_growth_percent"] == growth(row["revenue"], ago)


@pytest.mark.parametrize("by", ["revenue", "margin", "orders", "units", "growth"])
def test_store_comparison(caller, by):
    connection, raw = caller
    for start, end in RANGES:
        given = reports.ask(
            connection, "select * from api.store_comparison(%s, %s, %s)", start, end, by
        )
        start, end = period(raw, start, end)  # noqa: PLW2901
        now = raw.between(start, end)
        before = raw.between(*reports.days_before(start, end))
        year = raw.between(reports.year_before(start), reports.year_before(end))
        assert {row["store_key"] for row in given} == set(raw.stores)
        column = {"growth": "growth_percent"}.get(by, by)
        assert given == sorted(
            given, key=lambda r: (r[column] is None, -(r[column] or 0), r["store_key"])
        )
        for row in given:
            own = now.of(row["store_key"])
            earlier, ago = (reports.revenue(x.of(row["store_key"]).lines) for x in (before, year))
            better = [
                r
                for r in given
                if r[column] is not None and (row[column] is None or r[column] > row[column])
            ]
            assert row["rank"] == len(better) + 1
            assert row["revenue"] == reports.revenue(own.lines)
            assert row["revenue_percent"] == percent(row["revenue"], reports.revenue(now.lines))
            assert (row["orders"], row["units"]) == (len(own.orders), units(own.lines))
            assert row["average_basket"] == ratio(gross(own.lines), len(own.orders))
            assert row["margin"] == margin(own.lines)
            assert row["margin_percent"] == percent(row["margin"], row["revenue"])
            assert row["return_rate"] == return_rate(own.lines)
            assert (row["previous_revenue"], row["year_ago_revenue"]) == (earlier, ago)
            assert row["growth_percent"] == growth(row["revenue"], earlier)
            assert row["year_growth_percent"] == growth(row["revenue"], ago)


BANDS = ("none", "up to 5 %", "up to 10 %", "up to 15 %", "up to 20 %", "over 20 %")


def band(line):
    if line.discount <= 0:
        return "none"
    for name, share in zip(BANDS[1:5], ("0.05", "0.10", "0.15", "0.20"), strict=True):
        if line.discount <= cents(line.quantity * line.price * Decimal(share)):
            return name
    return "over 20 %"


@pytest.mark.parametrize("category", [None, "Lumber & Building Materials"])
def test_discount_impact(caller, category):
    connection, raw = caller
    for start, end in RANGES:
        given = reports.ask(
            connection,
            "select * from api.discount_impact(p_from => %s, p_to => %s, p_category => %s)",
            start, end, category,
        )  # fmt: skip
        lines = [
            x
            for x in raw.between(*period(raw, start, end)).lines
            if not x.is_return and category in (None, x.category)
        ]
        bands = reports.grouped(lines, band)
        assert tuple(row["discount"] for row in given) == BANDS
        for row in given:
            own = bands.get(row["discount"], [])
            discount = sum((x.discount for x in own), Decimal(0))
            assert (row["lines"], row["units"]) == (len(own), units(own))
            assert row["lines_percent"] == percent(len(own), len(lines))
            assert row["units_per_line"] == ratio(units(own), len(own))
            assert row["list_revenue"] == sum(x.quantity * x.price for x in own)
            assert row["discount_amount"] == discount
            assert row["discount_percent"] == percent(discount, row["list_revenue"])
            assert row["revenue"] == reports.revenue(own)
            assert row["revenue_percent"] == percent(row["revenue"], reports.revenue(lines))
            assert row["margin"] == margin(own)
            assert row["margin_percent"] == percent(row["margin"], row["revenue"])


KEYS = {
    "category": lambda x: x.category,
    "product_type": lambda x: x.kind,
    "product": lambda x: x.sku,
    "store": lambda x: x.order.store,
    "month": lambda x: f"{x.order.day:%Y-%m}",
}


@pytest.mark.parametrize("category", [None, "Power Tools"])
@pytest.mark.parametrize("by", KEYS)
def test_returns_analysis(caller, by, category):
    connection, raw = caller
    for start, end in RANGES:
        given = reports.ask(
            connection,
            "select * from api.returns_analysis(p_from => %s, p_to => %s, p_category => %s,"
            " p_by => %s, p_limit => 1000)",
            start, end, category, by,
        )  # fmt: skip
        lines = [
            x for x in raw.between(*period(raw, start, end)).lines if category in (None, x.category)
        ]
        groups = reports.grouped(lines, KEYS[by])
        assert {row["item"] for row in given} == set(groups)
        for row in given:
            own = groups[row["item"]]
            back = [x for x in own if x.is_return]
            days = sum(-x.quantity * (x.order.day - raw.every[x.return_of].day).days for x in back)
            assert row["sold_units"] == units(own) + returned(own)
            assert row["returned_units"] == returned(own)
            assert row["return_rate"] == return_rate(own)
            assert row["returned_percent"] == percent(returned(own), returned(lines))
            assert row["returned_revenue"] == -reports.revenue(back)
            assert row["returned_margin"] == -margin(back)
            if back:
                assert row["average_days"] == round(Decimal(days) / returned(own), 1) or abs(
                    row["average_days"] - Decimal(days) / returned(own)
                ) == Decimal("0.05")
            else:
                assert row["average_days"] is None
        if by == "month":
            assert [row["item"] for row in given] == sorted(groups)


@pytest.mark.parametrize("years", [1, 3, 10])
def test_seasonality(caller, years):
    connection, raw = caller
    given = reports.ask(connection, "select * from api.seasonality(p_years => %s)", years)
    end = (raw.newest + timedelta(days=1)).replace(day=1)
    first = (raw.oldest - timedelta(days=1)).replace(day=1)
    first = following(first, "month")
    years = min(years, (12 * (end.year - first.year) + end.month - first.month) // 12)
    by_month = reports.grouped(raw.lines, lambda x: (x.category, x.order.day.replace(day=1)))
    assert len(given) == 12 * len(raw.categories)
    for row in given:
        levels, found_by_year = [], []
        for year in range(years):
            start = end.replace(year=end.year - year - 1)
            months = [start]
            while len(months) < 12:
                months.append(following(months[-1], "month"))
            found = {m: reports.revenue(by_month.get((row["category"], m), [])) for m in months}
            days = {m: (following(m, "month") - m).days for m in months}
            (month,) = (m for m in months if m.month == row["month"])
            levels.append(found[month] / days[month])
            found_by_year.append((month, found, days))
        rate = yearly_growth([(found, days) for _, found, days in found_by_year])
        indices = []
        for month, found, days in found_by_year:
            grown = {
                m: float(found[m]) * math.exp(rate * (12 - n) / 12) for n, m in enumerate(found)
            }
            if sum(found.values()) > 0 and sum(grown.values()) > 0:
                level = sum(grown.values()) / sum(days.values())
                indices.append(Decimal(100 * grown[month] / days[month] / level))
        assert row["years"] == years
        assert near(row["average_daily_revenue"], sum(levels) / years)
        assert near(row["index"], sum(indices) / len(indices) if indices else None)


def yearly_growth(years):
    """Fit a line to the logarithms of the levels of the years that sold in every month."""
    points = [
        (-n, math.log(sum(found.values()) / sum(days.values())))
        for n, (found, days) in enumerate(years)
        if min(found.values()) > 0
    ]
    return linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else 0


def near(given, exact):
    """Compare a mean of quotients, whose last digit is rounded from one side or the other."""
    if exact is None:
        return given is None
    return abs(given - exact) <= Decimal("0.0050001")


def test_parts_sum_to_the_whole(caller):
    connection, raw = caller
    total = reports.revenue(raw.lines)
    whole = "p_from => '2020-07-01', p_to => '2026-06-30'"
    for query in (
        f"api.sales_trend({whole}, p_period => 'week')",
        f"api.sales_trend({whole}, p_period => 'quarter')",
        f"api.top_products({whole}, p_limit => 1000)",
        f"api.category_performance({whole})",
        f"api.store_comparison({whole})",
    ):
        (row,) = reports.ask(connection, f"select sum(revenue) from {query}")
        assert row["sum"] == total, query
    (row,) = reports.ask(connection, f"select sum(revenue) from api.discount_impact({whole})")
    assert row["sum"] == gross(raw.lines)
    (row,) = reports.ask(
        connection,
        f"select sum(sold_units - returned_units) as units from api.returns_analysis({whole})",
    )
    assert row["units"] == units(raw.lines)


SAME = """
with trend as (
    select sum(revenue) as revenue, sum(gross_revenue) as gross, sum(orders) as orders,
        sum(units) as units, sum(margin) as margin
    from api.sales_trend(null, %(from)s, %(to)s)
),
performance as (
    select p.metric, sum(p.value) as value
    from retail.stores as s
    cross join lateral api.store_performance(s.store_id, %(from)s, %(to)s) as p
    group by p.metric
),
back as (
    select sum(sold_units) as sold, sum(returned_units) as units, sum(returned_revenue) as revenue
    from api.returns_analysis(null, %(from)s, %(to)s)
)
select 'revenue' as name, array[
    t.revenue, (select value from performance where metric = 'revenue'),
    (select sum(revenue) from api.category_performance(null, %(from)s, %(to)s)),
    (select sum(revenue) from api.store_comparison(%(from)s, %(to)s)),
    (select sum(revenue) from api.top_products(null, %(from)s, %(to)s, p_limit => 1000)),
    (select sum(t.revenue) from retail.categories as c
        cross join lateral api.sales_trend(null, %(from)s, %(to)s, c.name, 'month') as t),
    (select sum(d.revenue) from api._daily_revenue(
        (select array_agg(store_id) from retail.stores), %(from)s, %(to)s) as d),
    t.gross - b.revenue
] as values from trend as t cross join back as b
union all
select 'gross_revenue', array[
    t.gross, (select value from performance where metric = 'gross_revenue'),
    (select sum(gross_revenue) from api.category_performance(null, %(from)s, %(to)s)),
    (select sum(revenue) from api.discount_impact(null, %(from)s, %(to)s))
] from trend as t
union all
select 'margin', array[
    t.margin, (select value from performance where metric = 'margin'),
    (select sum(margin) from api.category_performance(null, %(from)s, %(to)s)),
    (select sum(margin) from api.store_comparison(%(from)s, %(to)s)),
    (select sum(margin) from api.top_products(null, %(from)s, %(to)s, p_limit => 1000))
] from trend as t
union all
select 'units', array[
    t.units, (select value from performance where metric = 'units'),
    (select sum(units) from api.category_performance(null, %(from)s, %(to)s)),
    (select sum(units) from api.store_comparison(%(from)s, %(to)s)),
    (select sum(units) from api.top_products(null, %(from)s, %(to)s, p_limit => 1000)),
    b.sold - b.units,
    (select sum(units) from api.discount_impact(null, %(from)s, %(to)s)) - b.units
] from trend as t cross join back as b
union all
select 'returned_units', array[
    b.units, (select value from performance where metric = 'returned_units'),
    (select sum(returned_units) from api.category_performance(null, %(from)s, %(to)s)),
    (select sum(returned_units) from api.top_products(null, %(from)s, %(to)s, p_limit => 1000))
] from back as b
union all
select 'orders', array[
    t.orders, (select value from performance where metric = 'orders'),
    (select sum(orders) from api.store_comparison(%(from)s, %(to)s))
] from trend as t
union all
select 'active_customers', array[
    (select value from performance where metric = 'active_customers'),
    (select sum(customers) from api.customer_segments(null, %(from)s, %(to)s))
]
union all
select 'new_customers', array[
    (select value from performance where metric = 'new_customers'),
    (select sum(c.customers) from api.customer_cohorts(null, %(from)s, %(to)s) as c
        where c.months_later = 0)
]
union all
select 'orders of categories', array[sum(c.orders), sum(case when a.item_a = c.category
    then a.baskets_a else a.baskets_b end)]
from api.category_performance(null, %(from)s, %(to)s) as c
cross join lateral (
    select a.* from api.basket_affinity(null, %(from)s, %(to)s, 'category', 0, 1000) as a
    where c.category in (a.item_a, a.item_b) limit 1
) as a
"""


@pytest.mark.long
def test_a_figure_is_the_same_in_every_report(caller):
    connection, _ = caller
    # A month, a leap February, one with a change of clocks that is half stored, and two years.
    for start, end in (
        ("2026-05-01", "2026-06-30"), ("2024-02-01", "2024-02-29"), ("2025-01-01", "2025-03-31"),
        ("2024-07-01", "2026-06-30"),
    ):  # fmt: skip
        cursor = connection.execute(SAME, {"from": start, "to": end})
        rows = {row["name"]: row["values"] for row in cursor}
        assert len(rows) == 9
        for name, values in rows.items():
            assert len({value or 0 for value in values}) == 1, (name, values)


def test_growth_there_and_back_is_none(module_database):
    with psycopg.connect(module_database.admin_url) as connection:
        for a, b in ((3, 7), (100, Decimal("12.5")), (1, 1)):
            there, back = connection.execute(
                "select api._growth(%s, %s), api._growth(%s, %s)", [a, b, b, a]
            ).fetchone()
            assert abs((1 + there / 100) * (1 + back / 100) - 1) < Decimal("0.001")
        assert connection.execute("select api._growth(5, 0), api._growth(5, -1)").fetchone() == (
            None,
            None,
        )


def test_stores_differ_in_what_they_are_shown(data):
    database, _ = data
    seen = {}
    for name in ("seattle", "tacoma", "head-office"):
        with reports.as_tenant(database, name) as connection:
            seen[name] = reports.ask(connection, "select sum(revenue) from api.sales_trend()")
    assert len({str(rows) for rows in seen.values()}) == 3


def test_an_agent_joins_a_report_with_the_catalogue(data):
    database, everything = data
    query = """
        select t.rank, p.sku, p.list_price, t.revenue
        from api.top_products(p_from => '2026-01-01', p_limit => 3) as t
        join retail.products as p on p.product_id = t.product_id
        order by t.rank
    """

    async def ask():
        async with tenants.opened(database) as opened:
            principal = await find_principal(opened, "seattle")
            return (await Agent(opened).query(principal, query)).rows

    rows = asyncio.run(ask())
    raw = everything.of("seattle").between(date(2026, 1, 1), everything.newest)
    sums = {k: reports.revenue(v) for k, v in reports.grouped(raw.lines, lambda x: x.sku).items()}
    best = sorted(sums, key=lambda sku: (-sums[sku], sku))[:3]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (place, sku, str(sums[sku])) for place, sku in enumerate(best, 1)
    ]
