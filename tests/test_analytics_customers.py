"""Reports on customers and baskets against plain Python over the raw rows of the demo data."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

import psycopg
import pytest
import shop as shops
from shop import divided, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest
    from shop import Shop

pytestmark = pytest.mark.once

PRINCIPALS = ("seattle", "puget-sound", "head-office")
LAST = date(2026, 6, 30)
NAMES = (
    "champions", "loyal", "promising", "needs attention",
    "cannot lose", "at risk", "hibernating", "lost",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(seeded_database: conftest.Database) -> Iterator[Shop]:
    with shops.opened(seeded_database) as opened:
        yield opened


def newest(shop, principal):
    stores = shop.stores(principal)
    return max(day for order, day in shop.orders if order.store_key in stores)


# ---------------------------------------------------------------- segments


def ranks(values, *, best):
    """Score 1 to 5 by how many of the others are strictly worse."""
    others = max(len(values) - 1, 1)
    return {
        who: min(
            5,
            1 + floor(Fraction(5 * sum((v < value) == (best == "high") and v != value
                                       for v in values.values()), others)),
        )
        for who, value in values.items()
    }  # fmt: skip


def segment(r, f, m):
    if r >= 3:
        if r >= 4 and f >= 4 and m >= 4:
            return 0
        return 1 if f >= 3 else 2 if r >= 4 else 3
    if f >= 3:
        return 4 if f >= 4 and m >= 4 else 5
    return 6 if r == 2 else 7


def segments(shop, stores, first, last):
    totals = defaultdict(lambda: [0, 0, 0, Fraction(0)])
    for store in stores:
        recency, frequency, money = {}, Counter(), Counter()
        for order, day in shop.orders:
            if order.store_key == store and order.customer_id and first <= day <= last:
                money[order.customer_id] += Fraction(order.total_amount)
                if order.status == "completed":
                    frequency[order.customer_id] += 1
                    ago = (last - day).days
                    recency[order.customer_id] = min(ago, recency.get(order.customer_id, ago))
        money = {who: money[who] for who in frequency}
        r, f = ranks(recency, best="low"), ranks(frequency, best="high")
        m = ranks(money, best="high")
        for who in frequency:
            total = totals[segment(r[who], f[who], m[who])]
            total[0] += 1
            total[1] += frequency[who]
            total[2] += recency[who]
            total[3] += money[who]
    people = sum(total[0] for total in totals.values())
    revenue = sum(total[3] for total in totals.values())
    return [
        (
            NAMES[number], n, rounded(divided(100 * n, people)), orders, rounded(amount),
            rounded(divided(100 * amount, revenue)), rounded(divided(days, n)),
            rounded(divided(orders, n)), rounded(divided(amount, n)),
        )
        for number, (n, orders, days, amount) in sorted(totals.items())
    ]  # fmt: skip


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize("period", [None, (date(2024, 1, 1), date(2025, 6, 30))])
def test_segments_are_those_of_the_raw_rows(shop, principal, period):
    last = newest(shop, principal)
    first, last = period or (last - timedelta(days=364), last)

    answer = shop.ask(
        principal, "select * from api.customer_segments(null, %s, %s)", *(period or (None, None))
    )

    assert answer == segments(shop, shop.stores(principal), first, last)
    assert len(answer) > 3


def test_segments_of_the_stores_add_up_to_those_of_head_office(shop):
    query = "select * from api.customer_segments(%s, %s, %s)"
    added = defaultdict(lambda: (0, 0, 0))
    for store in shop.stores("head-office"):
        for row in shop.ask("head-office", query, store, "2024-01-01", LAST):
            added[row[0]] = tuple(
                a + b for a, b in zip(added[row[0]], (row[1], row[3], row[4]), strict=True)
            )
    whole = shop.ask("head-office", query, None, "2024-01-01", LAST)
    assert {row[0]: (row[1], row[3], row[4]) for row in whole} == dict(added)


# ---------------------------------------------------------------- cohorts


def month_number(day):
    return day.year * 12 + day.month - 1


def cohorts(shop, stores, first, last):
    newest = max(day for order, day in shop.orders if order.store_key in stores)
    seen = [
        (order, day)
        for order, day in shop.orders
        if order.store_key in stores and order.customer_id and day <= last
    ]
    joined = {}
    for order, day in seen:
        if order.status == "completed":
            who = (order.store_key, order.customer_id)
            joined[who] = min(day, joined.get(who, day))
    members, revenue = defaultdict(set), Counter()
    for order, day in seen:
        who = (order.store_key, order.customer_id)
        start = month_number(joined[who])
        spot = (start, month_number(day) - start)
        revenue[spot] += order.total_amount
        if order.status == "completed":
            members[spot].add(who)
    rows = []
    for start in sorted({month_number(day) for day in joined.values()}):
        if not month_number(first) <= start <= month_number(last):
            continue
        size = len(members[start, 0])
        for later in range(month_number(min(last, newest)) - start + 1):
            n = start + later
            ends = date((n + 1) // 12, (n + 1) % 12 + 1, 1) - timedelta(days=1)
            active = len(members[start, later])
            rows.append(
                (
                    date(start // 12, start % 12 + 1, 1), size, later, active,
                    rounded(Fraction(100 * active, size)), rounded(revenue[start, later]),
                    ends <= last,
                )
            )  # fmt: skip
    return rows


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize(
    "period",
    [
        None,
        (date(2020, 7, 15), date(2022, 3, 10)),
        # Months to come are not told of.
        (date(1900, 1, 1), date(2999, 12, 31)),
    ],
)
def test_cohorts_are_those_of_the_raw_rows(shop, principal, period):
    last = newest(shop, principal)
    first, last = period or (date(last.year - 1, last.month + 1, 1), last)

    answer = shop.ask(
        principal, "select * from api.customer_cohorts(null, %s, %s)", *(period or (None, None))
    )

    assert answer == cohorts(shop, shop.stores(principal), first, last)
    assert len(answer) > 10
    assert all(row[4] == 100 for row in answer if row[2] == 0)


# ---------------------------------------------------------------- lifetime value


def lifetimes(shop, stores, first, last, horizon):
    values = {}
    for store in stores:
        people = defaultdict(lambda: {"days": [], "revenue": 0, "margin": 0, "gross": 0})
        for line, order, day in shop.lines:
            if order.store_key == store and order.customer_id and day <= last:
                person = people[order.customer_id]
                person["revenue"] += line.total_amount
                person["margin"] += line.total_amount - line.quantity * line.unit_cost
                person["gross"] += line.total_amount if order.status == "completed" else 0
        for order, day in shop.orders:
            mine = order.store_key == store and order.customer_id and day <= last
            if mine and order.status == "completed":
                people[order.customer_id]["days"].append(day)
        people = {who: person for who, person in people.items() if person["days"]}
        for person in people.values():
            start = min(person["days"])
            person["x"] = sum(day >= first for day in person["days"]) - (start >= first)
            person["t"] = min((last - start).days, (last - first).days + 1)
        m = Fraction(sum(p["x"] for p in people.values()), sum(p["t"] for p in people.values()))
        v = max(
            Fraction(0),
            sum((p["x"] - m * p["t"]) ** 2 - m * p["t"] for p in people.values())
            / sum(p["t"] ** 2 for p in people.values()),
        )
        orders = sum(len(p["days"]) for p in people.values())
        mean = Fraction(sum(p["margin"] for p in people.values())) / orders
        for who, p in people.items():
            n = len(p["days"])
            expected = divided(horizon * (m * m + v * p["x"]), m + v * p["t"])
            margin = (
                None if expected is None else expected * (Fraction(p["margin"]) + mean) / (n + 1)
            )
            values[store, who] = (
                min(p["days"]), max(p["days"]), n, p["revenue"], p["margin"],
                rounded(divided(p["gross"], n)), expected, margin,
                Fraction(p["margin"]) + (margin or 0),
            )  # fmt: skip
    return values


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_lifetime_values_are_those_of_the_raw_rows(shop, principal):
    # A day on which many customers order, so that the edge of the period counts.
    days = Counter(day for order, day in shop.orders if order.customer_id and day.year == 2024)
    first, last, horizon = max(days, key=days.get), date(2026, 3, 31), 200
    truth = lifetimes(shop, shop.stores(principal), first, last, horizon)

    answer = shop.ask(
        principal,
        "select store_key, customer_id, first_order_on, last_order_on, orders, revenue, margin,"
        " average_basket, expected_orders, expected_margin, lifetime_value"
        " from api.customer_lifetime_value(null, %s, %s, %s, 1000)",
        first, last, horizon,
    )  # fmt: skip

    assert len(answer) == len(truth) > 20
    for store, who, *found in answer:
        expected = truth[store, who]
        assert tuple(found[:6]) == expected[:6]
        for value, exact in zip(found[6:], expected[6:], strict=True):
            assert (value is None) == (exact is None)
            assert value is None or abs(Fraction(value) - exact) < Fraction(51, 10000)
    assert [row[-1] for row in answer] == sorted((row[-1] for row in answer), reverse=True)
    assert len({row[8] for row in answer}) > 5


def test_lifetime_value_has_the_names_of_customers(shop):
    answer = shop.ask(
        "head-office",
        "select count(*), count(*) filter (where v.customer = c.first_name || ' ' || c.last_name"
        " and v.loyalty_tier = c.loyalty_tier) from api.customer_lifetime_value() as v"
        " join retail.customers as c using (customer_id)",
    )
    assert answer == [(20, 20)]


def test_who_bought_more_often_is_expected_more_often_and_nearer_to_the_mean(shop):
    first = date(2024, 7, 1)
    days = (LAST - first).days + 1
    bought = Counter(
        order.customer_id
        for order, day in shop.orders
        if order.store_key == "seattle" and order.status == "completed" and day >= first
    )
    expected = {
        who: next_orders
        for who, next_orders, start in shop.ask(
            "head-office",
            "select customer_id, expected_orders, first_order_on"
            " from api.customer_lifetime_value('seattle', %s, %s, %s, 1000)", first, LAST, days,
        )
        if start < first
    }  # fmt: skip
    steps = sorted({(bought[who], orders) for who, orders in expected.items()})
    assert len(steps) == len({x for x, _ in steps}) > 5
    for (x, low), (y, high) in itertools.pairwise(steps):
        assert 0 < high - low < y - x


# ---------------------------------------------------------------- baskets


def affinity(shop, stores, first, last, *, level, support):
    baskets = defaultdict(set)
    for line, order, day in shop.lines:
        if order.store_key in stores and order.status == "completed" and first <= day <= last:
            baskets[order.store_key, order.order_id].add(getattr(line, level))
    single = Counter(item for items in baskets.values() for item in items)
    pairs = Counter(
        pair for items in baskets.values() for pair in itertools.combinations(sorted(items), 2)
    )
    n = len(baskets)
    return {
        (
            a, b, both, single[a], single[b], rounded(Fraction(100 * both, n)),
            rounded(Fraction(100 * both, single[a])), rounded(Fraction(100 * both, single[b])),
            rounded(Fraction(both * n, single[a] * single[b])),
        )
        for (a, b), both in pairs.items()
        if (both >= max(n / 1000, 3) if support is None else 100 * both >= support * n)
    }  # fmt: skip


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize(
    ("level", "support"), [("product", 0.25), ("type", 0), ("type", 1), ("type", None)]
)
def test_pairs_are_those_of_the_raw_rows(shop, principal, level, support):
    first, last = date(2025 if support in (0, 1) else 2020, 7, 1), LAST

    answer = shop.ask(
        principal,
        "select item_a, item_b, baskets, baskets_a, baskets_b, support_percent,"
        " confidence_a_to_b_percent, confidence_b_to_a_percent, lift"
        " from api.basket_affinity(null, %s, %s, %s, %s, 1000) as a",
        first, last, level, None if support is None else Decimal(support),
    )  # fmt: skip

    truth = affinity(shop, shop.stores(principal), first, last, level=level, support=support)
    # Names sort by the rules of the database: a pair may come the other way round.
    turned = {(b, a, n, nb, na, s, cb, ca, x) for a, b, n, na, nb, s, ca, cb, x in truth}
    assert set(answer) <= truth | turned
    assert len(answer) == min(len(truth), 1000) > 3
    assert [row[-1] for row in answer] == sorted((row[-1] for row in answer), reverse=True)


# ---------------------------------------------------------------- arguments and plans


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (
            "customer_segments(p_from => '2026-02-01', p_to => '2026-01-01')",
            "before p_from",
            "Swap",
        ),
        ("customer_cohorts(p_from => '2026-08-01')", "before p_from", "newest sale"),
        ("customer_segments(p_to => 'infinity')", "date out of range", "YYYY-MM-DD"),
        ("customer_lifetime_value(p_limit => 0)", "p_limit out of range: 0", "1 to 1000"),
        ("customer_lifetime_value(p_limit => 1001)", "p_limit out of range: 1001", "1 to 1000"),
        ("customer_lifetime_value(p_limit => null)", "p_limit out of range: null", "1 to 1000"),
        ("customer_lifetime_value(p_horizon => 0)", "p_horizon out of range: 0", "1 to 1825"),
        ("basket_affinity(p_min_support => 'NaN')", "p_min_support out of range", "0 to 100"),
        ("basket_affinity(p_limit => -1)", "p_limit out of range: -1", "1 to 1000"),
        ("basket_affinity(p_level => 'brand')", "brand", "product, type, category"),
        ("basket_affinity(p_level => null)", "null", "product, type, category"),
    ],
)
def test_wrong_arguments_are_told_with_a_way_out(shop, call, message, hint):
    shop.refuses(call, message, hint)


def test_a_store_misspelt_is_answered_with_the_nearest_that_the_caller_sees(shop):
    for principal, near in (("seattle", "seattle"), ("head-office", "tacoma")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            shop.ask(principal, "select * from api.customer_segments('Seatacoma')")
        assert f"Did you mean {near}?" in caught.value.diag.message_hint


PLANNED = [
    ("customer_segments()", "orders", ["store_id", "order_date"]),
    ("customer_segments('seattle')", "orders", ["store_id", "order_date"]),
    ("basket_affinity()", "order_items", ["store_id", "order_date"]),
    ("basket_affinity('seattle')", "order_items", ["store_id", "order_date"]),
    # These read the whole history of the store: its part of an index, whatever the day.
    ("customer_cohorts()", "orders", ["store_id"]),
    ("customer_lifetime_value()", "daily_customers", ["store_id"]),
    ("customer_lifetime_value()", "orders", ["store_id", "order_date"]),
    ("customer_lifetime_value()", "order_items", ["store_id", "order_id"]),
]


@pytest.mark.parametrize(("call", "table", "columns"), PLANNED)
def test_a_store_keeps_the_index(shop, call, table, columns):
    plans = shop.plans("seattle", f"api.{call}")
    found = re.findall(rf"using ({table}_\w+) on .*\n\s+Index Cond: (.*)", plans)
    assert any(all(f"{column} " in condition for column in columns) for _, condition in found)
    if "order_date" in columns:
        assert f"{table}_store_id_order_date_idx" in {name for name, _ in found}
    assert not re.search(r"Seq Scan on (orders|order_items|daily_customers)", plans)
