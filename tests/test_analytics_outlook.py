"""Reports on odd days and the future against plain Python over the raw rows."""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING

import pytest
import shop as shops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import conftest
    from shop import Shop

pytestmark = pytest.mark.once

WEEK = (0.8, 0.9, 0.9, 1.0, 1.1, 1.5, 1.2)
FIRST, DAYS = date(2024, 9, 1), 620


@pytest.fixture(scope="module")
def shop(seeded_database: conftest.Database) -> Iterator[Shop]:
    with shops.opened(seeded_database) as opened:
        yield opened


@pytest.fixture(scope="module")
def daily(clone: Callable[..., AbstractContextManager[conftest.Database]]) -> Iterator[Shop]:
    """Two stores with an order on nearly every day, seasons, noise and a few odd days."""
    with clone() as copy, shops.opened(copy) as opened:
        write_daily(opened.connection)
        yield opened


def write_daily(connection):
    noise = random.Random(7)  # noqa: S311 - noise of a test
    connection.execute(
        "insert into retail.stores (store_key, name, city, tax_rate, opened_on)"
        " select k, k, k, 0.1, '2020-01-01' from unnest(array['north', 'south']) as k"
    )
    connection.execute(
        "insert into retail.categories (name) values ('Tools');"
        "insert into retail.product_types (category_id, name)"
        " select category_id, 'Saws' from retail.categories;"
        "insert into retail.products (sku, name, description, category_id, type_id, list_price)"
        " select 'saw', 'saw', 'saw', category_id, type_id, 10 from retail.product_types;"
        "select zava.create_principal(k, 'store', array[k]) from unnest(array['north', 'south']) k;"
        "select zava.create_principal('both', 'region', '{north,south}');"
        "select zava.create_principal('head', 'head')"
    )
    with connection.cursor() as c:
        c.execute("create temporary table days (store text, moment timestamptz, amount numeric)")
        c.executemany(
            "insert into days values (%s, (%s::date + time '21:30') at time zone"
            " 'America/Los_Angeles', %s)",
            [
                (store, FIRST + timedelta(days=n), round(amount, 2))
                for store, size in (("north", 400), ("south", 90))
                for n in range(DAYS)
                if (amount := day_amount(noise, store, size, n))
            ],
        )
        c.execute(
            "insert into retail.orders (store_id, order_date, status, total_amount)"
            " select s.store_id, d.moment, 'completed', d.amount from days d"
            " join retail.stores s on s.store_key = d.store;"
            "insert into retail.order_items (store_id, order_id, line_number, product_id,"
            " order_date, quantity, unit_price, unit_cost, total_amount)"
            " select o.store_id, o.order_id, 1, p.product_id, o.order_date, 1, o.total_amount, 1,"
            " o.total_amount from retail.orders o cross join retail.products p;"
            "analyze retail.orders, retail.order_items"
        )


def day_amount(noise, store, size, n):
    if n % 97 == 50:
        return 0  # closed
    season = 1 + 0.3 * math.sin(2 * math.pi * n / 364) + n / 2000
    odd = 4 if store == "north" and n % 101 == 77 else 1
    return size * WEEK[n % 7] * season * odd * noise.uniform(0.75, 1.25)


def revenue(daily, stores, first, last):
    total = Counter()
    for order, day in daily.orders:
        if order.store_key in stores:
            total[day] += order.total_amount
    return [total[first + timedelta(days=n)] for n in range((last - first).days + 1)]


# ---------------------------------------------------------------- odd days


def anomalies(series, first, last, threshold):
    start = FIRST
    known = dict(zip((start + timedelta(days=n) for n in range(len(series))), series, strict=True))
    base = min(first, last - timedelta(days=364))
    residuals = {}
    for day, amount in known.items():
        near = [
            known[day + timedelta(days=d)]
            for d in (-28, -21, -14, -7, 7, 14, 21, 28)
            if base - timedelta(days=28) <= day + timedelta(days=d) <= last + timedelta(days=28)
            and day + timedelta(days=d) in known
        ]
        if base <= day <= last and len(near) >= 4 and median(near) > 0:
            expected = float(median(near))
            residuals[day] = (
                math.copysign(math.sqrt(abs(amount)), amount) - math.sqrt(expected), expected
            )  # fmt: skip
    middle = median(r for r, _ in residuals.values())
    mad = median(abs(r - middle) for r, _ in residuals.values())
    return {
        day: (
            float(known[day]), expected, 100 * (float(known[day]) / expected - 1),
            0.6745 * (r - middle) / mad,
        )
        for day, (r, expected) in residuals.items()
        if day >= first and abs(0.6745 * (r - middle) / mad) >= threshold
    }  # fmt: skip


@pytest.mark.parametrize("store", ["north", "south"])
@pytest.mark.parametrize(
    ("ago", "length", "threshold"), [(0, 90, 3.5), (10, 90, 1.5), (100, 380, 3.5)]
)
def test_odd_days_are_those_of_the_raw_rows(daily, store, ago, length, threshold):
    last = FIRST + timedelta(days=DAYS - 1 - ago)
    first = last - timedelta(days=length - 1)
    series = revenue(daily, {store}, FIRST, FIRST + timedelta(days=DAYS - 1))

    answer = daily.ask(
        "both",
        "select day, revenue, expected_revenue, deviation_percent, score, direction"
        " from api.sales_anomalies(%s, %s, %s, %s::text::numeric, 1000)",
        store, first, last, str(threshold),
    )  # fmt: skip

    truth = anomalies(series, first, last, threshold)
    assert {row[0] for row in answer} == set(truth)
    assert truth
    for day, *found, direction in answer:
        assert [float(value) for value in found] == pytest.approx(truth[day], abs=0.0101)
        assert direction == ("high" if truth[day][3] > 0 else "low")
    scores = [abs(row[4]) for row in answer]
    assert scores == sorted(scores, reverse=True)


def test_closed_days_and_planted_ones_are_found(daily):
    last = FIRST + timedelta(days=DAYS - 1)
    found = daily.ask(
        "north", "select day from api.sales_anomalies(p_from => %s)", last - timedelta(days=364)
    )
    planted = {n for n in range(DAYS - 365, DAYS) if n % 97 == 50 or n % 101 == 77}
    assert {(day - FIRST).days for (day,) in found} >= planted
    assert len(found) <= len(planted) + 4


# ---------------------------------------------------------------- forecast


def candidates(series, known, horizon, *, yearly):
    past = [float(value) for value in series[:known]]
    recent_year = range(max(0, known - 364), known)
    by_weekday = defaultdict(list)
    for n in recent_year:
        by_weekday[n % 7].append(past[n])
    means = {weekday: sum(values) / len(values) for weekday, values in by_weekday.items()}
    overall = sum(means.values()) / len(means)
    recent = sum(past[-28:]) / 28
    result = {"seasonal naive": [], "recent level": [], "seasonal growth": []}
    for step in range(horizon):
        share = means[(known + step) % 7] / overall
        result["recent level"].append(recent * share)
        if yearly:
            n = known + step - 364
            around = past[n - 17 : n + 18]
            growth = sum(past[known - 56 :]) / sum(past[known - 420 : known - 364])
            result["seasonal naive"].append(past[n])
            result["seasonal growth"].append(sum(around) / len(around) * share * growth)
        else:
            result["seasonal naive"].append(past[known - 7 + step % 7])
    return result


def quantile(values, share):
    values = sorted(values)
    spot = share * (len(values) - 1)
    low = math.floor(spot)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (spot - low)


def forecast(series, horizon, level):
    known = len(series)
    yearly = known >= 420 + max(28, horizon)
    longest = 420 if yearly else 28
    windows = min(max(2, math.ceil(112 / horizon)), (known - longest) // horizon)
    tests = defaultdict(list)
    for back in range(1, windows + 1):
        start = known - back * horizon
        for method, values in candidates(series, start, horizon, yearly=yearly).items():
            tests[method] += zip(map(float, series[start : start + horizon]), values, strict=False)
    errors = {
        method: 100 * sum(abs(a - f) for a, f in pairs) / sum(abs(a) for a, _ in pairs)
        for method, pairs in tests.items()
        if len(pairs) == windows * horizon
    }
    best = min(errors, key=lambda method: (errors[method], method != "seasonal naive"))
    ratios = [a / f for a, f in tests[best] if f > 0]
    # The k-th of n ratios has k / (n + 1) of those to come below it.
    n = len(ratios)
    tail = max(0, ((n + 1) * (100 - level) / 200 - 1) / (n - 1))
    return (
        best, errors[best], errors["seasonal naive"], windows * horizon,
        [(f, f * quantile(ratios, tail), f * quantile(ratios, 1 - tail))
         for f in candidates(series, known, horizon, yearly=yearly)[best]],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("principal", "stores", "horizon", "ago", "level"),
    [
        ("north", {"north"}, 30, 0, 80),
        ("south", {"south"}, 7, 0, 95),
        ("both", {"north", "south"}, 90, 0, 80),
        ("head", {"north", "south"}, 14, 300, 50),
        ("north", {"north"}, 180, 0, 80),
        # 64 weeks, and a day less: with last year, and without.
        ("north", {"north"}, 7, DAYS - 448, 80),
        ("north", {"north"}, 7, DAYS - 447, 80),
    ],
)
def test_the_forecast_is_that_of_plain_python(daily, *, principal, stores, horizon, ago, level):
    last = FIRST + timedelta(days=DAYS - 1 - ago)
    start = max(FIRST, last - timedelta(days=420 + max(2 * horizon, 112 + horizon) - 1))
    method, error, baseline, days, truth = forecast(
        revenue(daily, stores, start, last), horizon, level
    )

    answer = daily.ask(
        principal,
        "select * from api.sales_forecast(p_horizon => %s, p_to => %s, p_level => %s)",
        horizon, last, level,
    )  # fmt: skip

    assert [row[0] for row in answer] == [last + timedelta(days=n + 1) for n in range(horizon)]
    assert {(row[4], row[7]) for row in answer} == {(method, days)}
    assert float(answer[0][5]) == pytest.approx(error, abs=0.0051)
    assert float(answer[0][6]) == pytest.approx(baseline, abs=0.0051)
    for row, exact in zip(answer, truth, strict=True):
        assert [float(value) for value in row[1:4]] == pytest.approx(exact, abs=0.0101)


def synthetic(seed, kind, days):
    noise = random.Random(seed)  # noqa: S311 - noise of a test
    level, values = 100.0, []
    for n in range(days):
        if kind == "walk":
            level = max(20.0, level * (1 + noise.gauss(0, 0.02)))
        season = 1 + 0.4 * math.sin(2 * math.pi * n / 364) if kind == "season" else 1
        values.append(round(level * season * WEEK[n % 7] * math.exp(noise.gauss(0, 0.2)), 2))
    return values


FORECAST = "select * from api._forecast(%s::numeric[], %s, %s::integer)"


def test_the_interval_holds_about_the_share_of_days_that_it_says(daily):
    """Truth that the method never saw: 60 series of three kinds, 30 days each."""
    inside = total = 0
    for seed in range(60):
        kind = ("level", "season", "walk")[seed % 3]
        values = synthetic(seed, kind, 630)
        rows = daily.ask("head", FORECAST, values[:600], 30, 80)
        inside += sum(r[2] <= v <= r[3] for r, v in zip(rows, values[600:], strict=True))
        total += len(rows)
    assert 0.70 < inside / total < 0.90


@pytest.mark.parametrize(("days", "horizon", "level"), [(40, 10, 80), (60, 7, 95)])
def test_a_short_back_test_leaves_the_interval_wide_enough(daily, days, horizon, level):
    inside = total = 0
    for seed in range(60):
        values = synthetic(seed, "level", days + horizon)
        rows = daily.ask("head", FORECAST, values[:days], horizon, level)
        inside += sum(r[2] <= v <= r[3] for r, v in zip(rows, values[days:], strict=True))
        total += len(rows)
    assert level - 4.5 < 100 * inside / total < level + 4.5


def opened(seed, days, start):
    """Give a series whose shop opens one day in seven."""
    values = synthetic(seed, "level", days)
    return [value if n % 7 == start else 0.0 for n, value in enumerate(values)]


@pytest.mark.parametrize(("days", "horizon", "level"), [(91, 7, 80), (600, 30, 80), (140, 14, 95)])
def test_closed_days_do_not_narrow_the_interval_of_the_open_ones(daily, days, horizon, level):
    """After nine open days it is the widest that was seen, however many days were tested."""
    for seed in range(5):
        values = opened(seed, days, 3)
        *_, tested, truth = forecast(values, horizon, level)
        rows = daily.ask("head", FORECAST, values, horizon, level)
        assert {row[7] for row in rows} == {tested}
        for row, exact in zip(rows, truth, strict=True):
            assert [float(value) for value in row[1:4]] == pytest.approx(exact, abs=0.0101)


def test_few_open_days_give_no_interval_after_a_long_back_test(daily):
    rows = daily.ask("head", FORECAST, opened(4, 84, 3), 7, 80)
    assert {(row[2], row[3], row[7]) for row in rows} == {(None, None, 56)}
    assert [row[1] > 0 for row in rows] == [n == 3 for n in range(7)]


def test_more_history_makes_no_shorter_back_test(daily):
    """As soon as a method may go by last year, it was judged by a single day."""
    values = synthetic(3, "season", 470)
    for days in (*range(60, 415, 50), *range(415, 471)):
        (row,) = daily.ask("head", FORECAST, values[:days], 1, 80)
        assert row[7] >= 28
        assert row[2] < row[3]


@pytest.mark.parametrize(("days", "ends"), [(29, 0), (36, 0), (37, 2)])
def test_a_back_test_of_fewer_than_nine_days_gives_no_interval(daily, days, ends):
    (row,) = daily.ask("head", FORECAST, synthetic(4, "level", days), 1, 80)
    assert row[1] > 0
    assert row[7] == days - 28
    assert sum(end is not None for end in row[2:4]) == ends


@pytest.mark.parametrize("days", [419, 420, 430, 449])
def test_the_method_that_was_judged_is_the_one_that_forecasts(daily, days):
    # A year ago all was ten times as high: the last week tells without an error what comes.
    values = [1000 if n < 120 else 100 for n in range(days)]
    rows = daily.ask("head", FORECAST, values, 30, 80)
    assert {(row[1], row[4], row[5]) for row in rows} == {(100, "seasonal naive", 0)}


def test_a_store_that_sells_nothing_any_more_is_not_forecast_last_year(daily):
    rows = daily.ask("head", FORECAST, [100] * 400 + [0] * 200, 30, 80)
    assert {(row[1], row[4], row[5], row[6]) for row in rows} == {(0, "recent level", None, None)}


@pytest.mark.parametrize("kind", ["level", "season", "walk"])
@pytest.mark.parametrize("days", [60, 200, 500, 800])
def test_no_method_is_taken_that_is_worse_than_the_baseline(daily, kind, days):
    rows = daily.ask("head", FORECAST, synthetic(days, kind, days), 14, 80)
    assert len(rows) == 14
    assert all(r[5] <= r[6] and r[2] <= r[3] for r in rows)
    assert all((r[4] == "seasonal naive") == (r[5] == r[6]) for r in rows)


def test_the_baseline_is_kept_where_nothing_beats_it(daily):
    values = [100 + 50 * (n % 364 % 5 == 0) for n in range(900)]
    rows = daily.ask("head", FORECAST, values, 30, 80)
    assert {(r[4], r[5]) for r in rows} == {("seasonal naive", 0)}
    assert [int(r[1]) for r in rows] == [values[900 - 364 + n] for n in range(30)]


def test_an_interval_has_no_ends_where_the_forecast_is_negative(daily):
    values = [-20.0 if n % 7 == 3 else 100.0 + n % 5 for n in range(600)]
    rows = daily.ask("head", FORECAST, values, 14, 80)
    assert [r[1] < 0 for r in rows] == [(600 + n) % 7 == 3 for n in range(14)]
    assert all((r[2], r[3]) == (None, None) if r[1] < 0 else r[2] <= r[3] for r in rows)


def test_a_series_ten_times_as_high_is_forecast_ten_times_as_high(daily):
    values = synthetic(5, "season", 600)
    once = daily.ask("head", FORECAST, values, 30, 80)
    tenfold = daily.ask("head", FORECAST, [10 * value for value in values], 30, 80)
    for a, b in zip(once, tenfold, strict=True):
        assert [float(10 * x) for x in a[1:4]] == pytest.approx(
            [float(x) for x in b[1:4]], abs=0.06
        )
        assert a[4:] == b[4:]


# ---------------------------------------------------------------- rollup, arguments and plans


def test_the_rollup_changes_no_answer(daily):
    calls = ("api.sales_anomalies(p_threshold => 2)", "api.sales_forecast()")
    with daily.connection.transaction(force_rollback=True):
        before = [daily.ask("both", f"select * from {call}") for call in calls]
        daily.connection.execute("select zava.refresh_daily_sales()")
        ((stored,),) = daily.rows("select count(*) from retail.daily_totals")
        after = [daily.ask("both", f"select * from {call}") for call in calls]
        # The answer does come from the rollup: what it says is believed.
        daily.connection.execute("update retail.daily_totals set revenue = 3 * revenue")
        believed = [daily.ask("both", f"select * from {call}") for call in calls]
    assert stored > DAYS
    assert before == after
    assert before[0]
    assert believed[1] != before[1]


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("sales_trend(p_from => '1900-01-01')", "more than 4000 periods (day)", "longer p_period"),
        ("sales_anomalies(p_threshold => 0)", "p_threshold out of range", "0.5 to 100"),
        ("sales_anomalies(p_limit => 0)", "p_limit out of range: 0", "1 to 1000"),
        ("sales_anomalies(p_from => '2026-05-02', p_to => '2026-05-01')", "p_from", "Swap"),
        ("sales_forecast(p_horizon => 0)", "p_horizon out of range: 0", "1 to 180"),
        ("sales_forecast(p_horizon => 181)", "p_horizon out of range: 181", "1 to 180"),
        ("sales_forecast(p_level => 100)", "p_level out of range: 100", "50 to 99"),
        ("sales_forecast(p_to => '2026-07-01')", "after the newest sale", "p_horizon"),
        ("sales_forecast(p_to => '2020-07-20')", "58 days of sales", "shorter p_horizon"),
        ("sales_forecast(p_to => '2019-01-01')", "there are 0", "later p_to"),
    ],
)
def test_wrong_arguments_are_told_with_a_way_out(shop, call, message, hint):
    shop.refuses(call, message, hint)


PLANNED = ["sales_anomalies()", "sales_anomalies('seattle')", "sales_forecast()"]


@pytest.mark.parametrize("call", PLANNED)
def test_a_store_keeps_the_index(shop, call):
    plans = shop.plans("seattle", f"api.{call}")
    found = re.findall(r"using orders_store_id_order_date_idx on .*\n\s+Index Cond: (.*)", plans)
    assert any("store_id = " in c and "order_date >= " in c for c in found)
    assert "Seq Scan on orders" not in plans
