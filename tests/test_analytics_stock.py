"""api.inventory_status() against a walk through the stock ledger, day by day, in plain Python."""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from datetime import date
from fractions import Fraction
from statistics import stdev
from typing import TYPE_CHECKING

import pytest
import shop as shops
from shop import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest
    from shop import Shop

pytestmark = pytest.mark.once

PRINCIPALS = ("seattle", "puget-sound", "head-office")
STATUSES = ("stock out", "reorder", "dead", "overstock", "ok")


@pytest.fixture(scope="module")
def shop(seeded_database: conftest.Database) -> Iterator[Shop]:
    with shops.opened(seeded_database) as opened:
        yield opened


@pytest.fixture(scope="module")
def walk(shop):
    """Walk through the ledger of all stores day by day, once for each set of arguments."""
    items = shop.rows(
        "select i.*, s.store_key, p.sku, p.is_active from retail.inventory i"
        " join retail.stores s using (store_id) join retail.products p using (product_id)"
    )
    ledgers = defaultdict(lambda: defaultdict(list))
    for move in shop.rows("select * from retail.stock_movements"):
        ledgers[move.store_id, move.product_id][move.moved_on.toordinal()].append(move)

    @functools.cache
    def walked(last, days, cover):
        return {
            (item.store_key, item.sku): stock(
                item, ledgers[item.store_id, item.product_id], last.toordinal(), days, cover
            )
            for item in items
        }

    return walked


def stock(item, ledger, last, days, cover):
    first = last - days + 1
    opened = min((day for day, moves in ledger.items() if any(m.kind == "opening" for m in moves)),
                 default=first)  # fmt: skip
    level = sum(m.quantity for day, moves in ledger.items() if day < first for m in moves)
    sold, out = [], 0
    for day in range(first, last + 1):
        pieces = 0
        for move in ledger.get(day, ()):
            level += move.quantity
            pieces -= move.quantity if move.kind == "sale" else 0
        out += level == 0 and day >= opened
        if level > 0 or pieces > 0:
            sold.append(pieces)
    demand = Fraction(sum(sold), len(sold)) if sold else None
    status, point, order = judged(item, sold, demand, days, cover)
    return (
        status, item.stock_level, rounded(item.stock_level * item.unit_cost), sum(sold), out,
        rounded(demand), rounded(item.stock_level / demand if demand else None),
        item.lead_time_days, point, order, last_sale(ledger),
    )  # fmt: skip


def last_sale(ledger):
    days = [day for day, moves in ledger.items() if any(m.kind == "sale" for m in moves)]
    return date.fromordinal(max(days)) if days else None


def judged(item, sold, demand, days, cover):
    point = item.reorder_level
    if demand is not None:
        spread = stdev(sold) if len(sold) > 1 else 0
        safety = 1.65 * spread * math.sqrt(item.lead_time_days)
        # A hair below: what is whole but for the rounding of a float stays whole.
        point = max(point, math.ceil(float(demand) * item.lead_time_days + safety - 1e-9))
    if item.stock_level == 0:
        status = "stock out"
    elif not demand:
        status = "dead" if len(sold) == days else "ok"
    elif item.stock_level <= point:
        status = "reorder"
    else:
        status = "overstock" if item.stock_level > 180 * demand else "ok"
    if status not in ("stock out", "reorder") or not item.is_active or demand == 0:
        return status, point, 0
    return status, point, math.ceil(point + cover * (demand or 0) - item.stock_level)


ANSWER = """
select store_key, sku, status, stock_level, stock_value, units_sold, stock_out_days, daily_demand,
    days_of_cover, lead_time_days, reorder_point, reorder_units, last_sold_on
from api.inventory_status(p_store => %s, p_status => %s, p_days => %s, p_cover_days => %s,
    p_limit => 1000)
"""


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize(("days", "cover"), [(90, 30), (365, 14)])
def test_stock_is_that_of_the_ledger(shop, walk, principal, days, cover):
    stores = shop.stores(principal)
    last = max(day for order, day in shop.orders if order.store_key in stores)

    answer = {
        row[:2]: row[2:]
        for store in stores
        for row in shop.ask(principal, ANSWER, store, None, days, cover)
    }

    truth = {key: row for key, row in walk(last, days, cover).items() if key[0] in stores}
    assert answer == truth
    assert len({row[0] for row in answer.values()}) > 3


def test_a_status_keeps_its_own_rows(shop):
    whole = shop.ask("seattle", ANSWER, None, None, 90, 30)
    for status in STATUSES:
        kept = shop.ask("seattle", ANSWER, None, status, 90, 30)
        assert kept == [row for row in whole if row[2] == status]


def test_the_most_urgent_comes_first(shop):
    found = [row[0] for row in shop.ask("seattle", "select status from api.inventory_status()")]
    assert found == sorted(found, key=STATUSES.index)
    assert len(found) == 100


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("inventory_status(p_category => 'Power Tolls')", "no category Power Tolls", "mean Power"),
        ("inventory_status(p_category => '')", "no category ", "Hand Tools"),
        ("inventory_status(p_status => 'empty')", "empty", "stock out, reorder, dead"),
        ("inventory_status(p_days => 6)", "p_days out of range: 6", "7 to 365"),
        ("inventory_status(p_cover_days => 0)", "p_cover_days out of range", "1 to 365"),
        ("inventory_status(p_limit => 1001)", "p_limit out of range: 1001", "1 to 1000"),
    ],
)
def test_wrong_arguments_are_told_with_a_way_out(shop, call, message, hint):
    shop.refuses(call, message, hint)


PLANNED = ["inventory_status()", "inventory_status('seattle')"]


@pytest.mark.parametrize("call", PLANNED)
def test_a_store_keeps_the_index(shop, call):
    plans = shop.plans("seattle", f"api.{call}")
    found = re.findall(r"using stock_movements_pkey on .*\n\s+Index Cond: (.*)", plans)
    assert any("store_id = " in c and "moved_on >= " in c for c in found)
    assert "Seq Scan on stock_movements" not in plans
