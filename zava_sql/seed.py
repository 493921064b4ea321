"""The demo data: runs the generator of the database (`db/functions/seed`) step by step.

Every rule and every number of the data is SQL. This module hands over the catalogue, keeps all
steps in one transaction and tells how far it is.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

import asyncpg

from zava_sql.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

__all__ = ["SeedReport", "seed", "vacuum"]

# Gone with the transaction.
_SETTINGS = """
    set local jit = off;
    set local synchronous_commit = off;
    set local work_mem = '128MB';
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;
"""
_TABLES = ", ".join(
    f"retail.{table}"
    for table in (
        "stores", "categories", "product_types", "products", "customers", "inventory",
        "orders", "order_items", "stock_movements",
        "daily_sales", "daily_totals", "daily_customers",
    )
)  # fmt: skip
# Fractions of the whole at which a step begins.
_CUSTOMERS, _ORDERS, _STOCK, _STATISTICS = 0.01, 0.05, 0.72, 0.98


_COUNTED = ("products", "customers", "orders", "returns", "order_items", "principals")


@dataclass(frozen=True, slots=True)
class SeedReport:
    """What a load added; `unchanged` when the database held all of it, or more, before."""

    scale: Decimal
    until: date
    products: int
    customers: int
    orders: int
    returns: int
    order_items: int
    principals: int

    @property
    def unchanged(self) -> bool:
        """True when there was nothing to add."""
        return not (self.products or self.customers or self.orders or self.returns)


async def seed(
    connection: asyncpg.Connection,
    *,
    scale: float = 1.0,
    until: date | None = None,
    progress: Callable[[str, float], None] = lambda _step, _part: None,
) -> SeedReport:
    """Add what the demo data of this scale and last day has and the database has not.

    One transaction: an interrupted load leaves nothing. Needs the connection of an administrator
    who is a member of zava_owner and zava_writer. `progress` is called with a step's name and the
    finished fraction of the whole.

    Raises:
        ValidationError: there is no such scale, or last day.
    """
    try:
        async with connection.transaction():
            return await _load(connection, Decimal(str(scale)), until, progress)
    except asyncpg.InvalidParameterValueError as error:
        raise ValidationError(str(error.args[0]), hint=error.hint or "") from error


async def vacuum(connection: asyncpg.Connection) -> None:
    """Set the visibility map after a load; cannot run inside its transaction."""
    await connection.execute(f"vacuum (analyze) {_TABLES}")


async def _load(
    connection: asyncpg.Connection,
    scale: Decimal,
    until: date | None,
    progress: Callable[[str, float], None],
) -> SeedReport:
    added: Counter[str] = Counter()
    changed: set[str] = set()
    await connection.execute(_SETTINGS)
    ((size, until),) = await connection.fetch(
        "select a.scale, a.until from zava.seed_arguments($1, $2) as a", scale, until
    )

    progress("catalogue", 0.0)
    catalogue = _catalogue()
    await connection.fetchval("select zava.seed_stores()")
    added["products"] = await connection.fetchval("select zava.seed_catalogue($1)", catalogue)
    added["principals"] = await connection.fetchval("select zava.seed_principals()")
    if added["products"]:
        await connection.fetchval("select zava.refresh_search_words()")

    stores = await connection.fetch("select s.store_key from zava.seed_shops() as s")
    for number, (store,) in enumerate(stores):
        progress("customers", _between(_CUSTOMERS, _ORDERS, number / len(stores)))
        if await connection.fetchval(
            "select zava.seed_inventory($1, $2, $3)", catalogue, store, until
        ):
            changed.add(store)
        added["customers"] += await connection.fetchval(
            "select zava.seed_customers($1, $2, $3)", store, size, until
        )

    done = 0.0
    for store, first, last, share in await connection.fetch(
        "select s.store_key, s.first_day, s.last_day, s.share from zava.seed_slices($1, $2) as s",
        size,
        until,
    ):
        progress("orders", _between(_ORDERS, _STOCK, done))
        arguments = (catalogue, store, size, first, last)
        ((orders, lines),) = await connection.fetch(
            "select s.orders, s.items from zava.seed_orders($1, $2, $3, $4, $5) as s", *arguments
        )
        ((returns, returned),) = await connection.fetch(
            "select r.orders, r.items from zava.seed_returns($1, $2, $3, $4, $5, $6) as r",
            *arguments,
            until,
        )
        added += Counter(orders=orders, returns=returns, order_items=lines + returned)
        if orders or returns:
            changed.add(store)
        done += share

    for number, store in enumerate(sorted(changed)):
        progress("stock", _between(_STOCK, _STATISTICS, number / len(changed)))
        await connection.fetchval("select zava.seed_stock($1, $2, $3)", catalogue, store, until)
    # Reports read the lines again until the next refresh of the rollup (docs/definitions.md).
    await connection.execute(
        "update retail.stores set rolled_up_to = null"
        " where store_key = any ($1) and rolled_up_to is not null",
        list(changed),
    )

    progress("statistics", _STATISTICS)
    if changed or added["customers"]:
        await connection.execute(f"analyze {_TABLES}")
    progress("done", 1.0)
    return SeedReport(scale=scale, until=until, **{name: added[name] for name in _COUNTED})


def _catalogue() -> str:
    """Read the product files, one a category, into one JSON array."""
    folder = resources.files("zava_sql") / "demo" / "catalogue"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return json.dumps([json.loads(file.read_text(encoding="utf-8")) for file in files])


def _between(start: float, end: float, fraction: float) -> float:
    return start + (end - start) * fraction
