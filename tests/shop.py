"""A database as its principals see it, its raw rows, and PostgreSQL's rounding."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import namedtuple_row
from reports import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest

ZONE = ZoneInfo("America/Los_Angeles")


@dataclass
class Shop:
    """Asks as a principal through a superuser's connection; reads raw rows as the superuser."""

    connection: psycopg.Connection
    key: str

    def ask(self, principal: str, query: str, *values: object) -> list[Any]:
        """Run a query as this principal and give its rows."""
        with self.acting(principal):
            return self.connection.execute(query, values).fetchall()

    def refuses(self, call: str, message: str, hint: str) -> None:
        """See that a store's call of a report is told what is wrong, and what to do."""
        with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
            self.ask("seattle", f"select * from api.{call}")
        assert message in (caught.value.diag.message_primary or "")
        assert hint in (caught.value.diag.message_hint or "")

    @contextmanager
    def acting(self, principal: str) -> Iterator[None]:
        """Take the role and context of a principal until the end of the block."""
        with self.connection.transaction(force_rollback=True):
            principal_id, role = self.connection.execute(
                "select principal_id, role_name from zava.principals where name = %s", [principal]
            ).fetchone()
            context = sign(self.key, principal_id, role, pid=0)
            self.connection.execute("select set_config('zava.context', %s, true)", [context])
            self.connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            yield

    def plans(self, store: str, call: str) -> str:
        """Give the plans of everything that a store's call runs, as they would be on large tables.

        That is, with what suits small ones discouraged: an index that cannot be used is not used
        then either.
        """
        found: list[str] = []

        def keep(notice: psycopg.errors.Diagnostic) -> None:
            found.append(notice.message_primary or "")

        try:
            self.connection.execute("load 'auto_explain'")
        except psycopg.errors.UndefinedFile:
            pytest.skip("this server has no auto_explain")
        self.connection.add_notice_handler(keep)
        try:
            with self.acting(store):
                for statement in (
                    "reset role",
                    "set local auto_explain.log_min_duration = 0",
                    "set local auto_explain.log_nested_statements = on",
                    "set local client_min_messages = log",
                    "set local enable_seqscan = off",
                    "set local enable_bitmapscan = off",
                    f"set local role zava_store_{store}",
                    f"select * from {call}",
                ):
                    self.connection.execute(statement)
        finally:
            self.connection.remove_notice_handler(keep)
        return "\n".join(found)

    def rows(self, query: str) -> list[Any]:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query).fetchall()

    @cached_property
    def orders(self) -> list[Any]:
        """Completed orders and returns, each with its day in the store's time zone."""
        return [
            (order, order.order_date.astimezone(ZONE).date())
            for order in self.rows(
                "select s.store_key, o.* from retail.orders o join retail.stores s using (store_id)"
            )
            if order.status in ("completed", "return")
        ]

    @cached_property
    def lines(self) -> list[Any]:
        """Lines of these orders, each with its order and day."""
        orders = {(order.store_key, order.order_id): (order, day) for order, day in self.orders}
        return [
            (line, *orders[line.store_key, line.order_id])
            for line in self.rows(
                "select s.store_key, i.*, p.name as product, t.name as type"
                " from retail.order_items i join retail.stores s using (store_id)"
                " join retail.products p using (product_id)"
                " join retail.product_types t using (type_id)"
            )
            if (line.store_key, line.order_id) in orders
        ]

    def stores(self, principal: str) -> set[str]:
        return {key for (key,) in self.ask(principal, "select store_key from retail.stores")}


@contextmanager
def opened(database: conftest.Database) -> Iterator[Shop]:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield Shop(connection, database.context_key)


def rounded(value: Fraction | Decimal | None) -> Decimal | None:
    """Round to two decimals, halves away from zero, as round(numeric, 2) does."""
    if value is None:
        return None
    exact = Fraction(value)
    with localcontext(prec=60):
        quotient = Decimal(exact.numerator) / Decimal(exact.denominator)
        return quotient.quantize(Decimal("0.01"), ROUND_HALF_UP)


def divided(value: Any, by: Any) -> Fraction | None:
    return Fraction(value) / Fraction(by) if by else None
