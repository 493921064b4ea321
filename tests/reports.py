"""Asking the reports as a tenant, and the raw rows that their figures are recomputed from."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row, tuple_row

from zava_sql.context import ContextKey
from zava_sql.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    import conftest

CENT = Decimal("0.01")
SOLD = ("completed", "return")


def sign(key: str, principal: UUID, role: str, pid: int, seconds: int = 600) -> str:
    """Give the context of a backend, or with 0 of any, as the gateway makes it."""
    return ContextKey.parse(key).sign(
        Principal(principal, "", "", role), pid=pid, expiry=int(time.time()) + seconds
    )


def become(connection: psycopg.Connection[Any], key: str, name: str, seconds: int = 600) -> str:
    """Take the context and the role of a principal for this session, and give the role."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select principal_id, role_name from zava.principals where name = %s", [name]
        )
        principal, role = cursor.fetchone()
    context = sign(key, principal, role, connection.info.backend_pid, seconds)
    connection.execute("select set_config('zava.context', %s, false)", [context])
    connection.execute("select set_config('role', %s, false)", [role])
    return role


@contextlib.contextmanager
def as_tenant(database: conftest.Database, name: str) -> Iterator[psycopg.Connection]:
    """Connect as a principal under a valid context, until the connection is closed."""
    with psycopg.connect(database.admin_url, autocommit=True, row_factory=dict_row) as connection:
        become(connection, database.context_key, name)
        yield connection


def ask(connection: psycopg.Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """Give the rows of a query."""
    return connection.execute(query.encode(), values).fetchall()


@dataclass(frozen=True, slots=True)
class Order:
    """A row of retail.orders; `day` is the store's own."""

    store: str
    order: str
    customer: str | None
    status: str
    moment: datetime
    day: date
    total: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """A row of retail.order_items with its order and the names of its product."""

    order: Order
    sku: str
    product: str
    category: str
    kind: str
    quantity: int
    price: Decimal
    cost: Decimal
    discount: Decimal
    total: Decimal
    return_of: str | None

    @property
    def is_return(self) -> bool:
        return self.quantity < 0


@dataclass(frozen=True, slots=True)
class Raw:
    """Everything that counts: completed orders and returns; `orders` has completed ones only."""

    lines: list[Line]
    orders: list[Order]
    every: dict[str, Order]
    stores: list[str]
    categories: list[str]
    zones: dict[str, ZoneInfo]

    def of(self, *stores: str) -> Raw:
        """Narrow to some stores."""
        return Raw(
            [x for x in self.lines if x.order.store in stores],
            [x for x in self.orders if x.store in stores],
            self.every,
            [s for s in self.stores if s in stores],
            self.categories,
            self.zones,
        )

    def between(self, start: date, end: date) -> Raw:
        """Narrow to some days, both included."""
        return self.where(lambda x: start <= x.order.day <= end, lambda o: start <= o.day <= end)

    def where(self, line: Callable[[Line], bool], order: Callable[[Order], bool]) -> Raw:
        """Narrow by conditions."""
        return Raw(
            [x for x in self.lines if line(x)],
            [x for x in self.orders if order(x)],
            self.every,
            self.stores,
            self.categories,
            self.zones,
        )

    def category(self, name: str) -> Raw:
        """Narrow to a category; its orders are those with a sold line of it."""
        held = {x.order.order for x in self.lines if x.category == name and not x.is_return}
        return self.where(lambda x: x.category == name, lambda o: o.order in held)

    @property
    def today(self) -> date:
        return max(datetime.now(self.zones[store]).date() for store in self.stores)

    @property
    def newest(self) -> date:
        return max(x.order.day for x in self.lines)

    @property
    def oldest(self) -> date:
        return min(x.order.day for x in self.lines)


def read(connection: psycopg.Connection) -> Raw:
    """Fetch the rows as the superuser, with one plain select a table."""
    cursor = connection.cursor()
    stores = {
        row[0]: (row[1], ZoneInfo(row[2]))
        for row in cursor.execute("select store_id, store_key, time_zone from retail.stores")
    }
    categories = dict(cursor.execute("select category_id, name from retail.categories").fetchall())
    kinds = dict(cursor.execute("select type_id, name from retail.product_types").fetchall())
    products = {
        row[0]: row[1:]
        for row in cursor.execute(
            "select product_id, sku, name, category_id, type_id from retail.products"
        )
    }
    orders = {}
    for store, order, customer, status, moment, total in cursor.execute(
        "select store_id, order_id, customer_id, status, order_date, total_amount"
        " from retail.orders"
    ):
        key, zone = stores[store]
        orders[str(order)] = Order(
            key,
            str(order),
            customer and str(customer),
            status,
            moment,
            moment.astimezone(zone).date(),
            total,
        )
    lines = []
    for order, product, *numbers, return_of in cursor.execute(
        "select order_id, product_id, quantity, unit_price, unit_cost, discount_amount,"
        " total_amount, return_of_order_id from retail.order_items"
    ):
        if orders[str(order)].status in SOLD:
            sku, name, category, kind = products[product]
            lines.append(
                Line(
                    orders[str(order)],
                    sku,
                    name,
                    categories[category],
                    kinds[kind],
                    *numbers,
                    return_of and str(return_of),
                )
            )
    return Raw(
        lines,
        [o for o in orders.values() if o.status == "completed"],
        orders,
        sorted(key for key, _ in stores.values()),
        sorted(categories.values()),
        dict(stores.values()),
    )


def cents(value: Decimal | float) -> Decimal:
    return Decimal(value).quantize(CENT, ROUND_HALF_UP)


def ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """Give a part of a whole, to two decimals; None when there is no whole."""
    return cents(Decimal(part) / Decimal(whole)) if whole else None


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return ratio(100 * part, whole) if whole > 0 else None


def growth(now: Decimal | int, before: Decimal | int) -> Decimal | None:
    return ratio(100 * (now - before), before) if before > 0 else None


def grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def revenue(lines: Iterable[Line]) -> Decimal:
    return sum((x.total for x in lines), Decimal("0.00"))


def margin(lines: Iterable[Line]) -> Decimal:
    return sum((x.total - x.quantity * x.cost for x in lines), Decimal("0.00"))


def gross(lines: Iterable[Line]) -> Decimal:
    return revenue(x for x in lines if not x.is_return)


def units(lines: Iterable[Line]) -> int:
    return sum(x.quantity for x in lines)


def returned(lines: Iterable[Line]) -> int:
    return -sum(x.quantity for x in lines if x.is_return)


def return_rate(lines: list[Line]) -> Decimal | None:
    return percent(returned(lines), units(lines) + returned(lines))


def year_before(day: date) -> date:
    """Give the same date a year before; the last of February for the leap day."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def days_before(start: date, end: date) -> tuple[date, date]:
    """Give as many days, just before."""
    return start - (end - start) - timedelta(days=1), start - timedelta(days=1)
