"""Eight stores whose every row bears its owner's mark, and the product's own way to ask as them.

A mark is in each text, id and amount of a row, so that a stray row shows wherever it turns up; the
number of rows differs from store to store, so that a missing one shows as well.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from pydantic import SecretStr

from zava_sql.agent import fetch
from zava_sql.database import Database
from zava_sql.principals import find_principal
from zava_sql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    import conftest

    from zava_sql.principals import Principal
    from zava_sql.result import Result

STORES = ("seattle", "bellevue", "tacoma", "spokane", "everett", "redmond", "kirkland", "online")
REGION = ("seattle", "tacoma")
TABLES = ("stores", "customers", "inventory", "stock_movements", "orders", "order_items")

# A store's number n is in SECRET-<key>, in uuids 5ec2e70n-… and in amounts 8100n…; counts of rows
# are marked by the attacks themselves, as rows=<count>.
MARK = re.compile(
    r"secret-([a-z]+)|5ec2e70([1-8])-|\b8100([1-8])[0-9]{2}\b|rows=([0-9]+)", re.IGNORECASE
)

# What a tenant may ask to be shown that it sees exactly its own: every table, by mark and count.
OWN_ROWS = " union all ".join(
    f"select '{table}', store_id::text, count(*) from retail.{table} group by store_id"
    for table in TABLES
)

# Runs for minutes, in no memory to speak of, and needs no function that hardening takes away.
SLOW = "select count(*) from " + ", ".join(f"retail.products as p{i}" for i in range(5))

# A function of an administrator who took IMMUTABLE for fast, and one that calls it.
NAIVE = """
create function api.naive_store() returns text language plpgsql immutable as
    'begin return (select min(s.store_key) from retail.stores as s); end';
create function api.naive_answer() returns text language plpgsql stable as
    'begin return api.naive_store(); end';
grant execute on function api.naive_store(), api.naive_answer()
    to store_manager, regional_manager, head_office
"""
NO_NAIVE = "drop function if exists api.naive_answer(), api.naive_store()"

FILL = r"""
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select format('5ec2e70%%s-0000-4000-8000-000000000000', n)::uuid, store_key,
    'SECRET-' || store_key, 'SECRET-' || store_key, 0.1, date '2020-01-01'
from unnest(%(stores)s::text[]) with ordinality as s (store_key, n);
insert into retail.categories (name) values ('Tools');
insert into retail.product_types (category_id, name)
select category_id, 'Hammers' from retail.categories;
insert into retail.products (sku, name, description, category_id, type_id, list_price)
select 'sku' || i, 'Hammer ' || i, 'Drives nails.', category_id, type_id, 10
from retail.product_types cross join generate_series(1, 200) as i;
create temporary table rows as
select s.store_id, s.store_key, i, p.product_id,
    (left(s.store_id::text, 24) || lpad(i::text, 12, '0'))::uuid as id,
    ('8100' || n || lpad(i::text, 2, '0'))::integer as amount
from retail.stores as s
cross join lateral (select substr(s.store_id::text, 8, 1)::integer) as m (n)
cross join lateral generate_series(1, 20 + 7 * n) as i
join retail.products as p on p.sku = 'sku' || i;
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select store_id, id, 'SECRET-' || store_key, 'SECRET-' || store_key,
    'secret-' || store_key || '-' || i || '@example.com', 'SECRET-' || store_key, '2020-01-01'
from rows;
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
select store_id, product_id, amount, amount, amount from rows;
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select store_id, product_id, '2020-01-01', 'opening', amount from rows;
insert into retail.orders (store_id, order_id, customer_id, order_date, total_amount, tax_amount)
select store_id, id, id, '2020-01-01', amount, amount from rows;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select store_id, id, 1, product_id, '2020-01-01', 1, amount, amount, amount
from rows;
select zava.create_principal(store_key, 'store', array[store_key]) from retail.stores;
select zava.create_principal('seattle-deputy', 'store', array['seattle']);
select zava.create_principal('inactive', 'store', array['tacoma']);
select zava.create_principal('south-sound', 'region', %(region)s::text[]);
select zava.create_principal('head-office', 'head');
analyze retail.customers, retail.orders, retail.order_items, retail.inventory;
"""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really there; counts of rows, by table and store."""

    rows: dict[tuple[str, str], int]

    def of(self, *stores: str) -> set[tuple[str, str, int]]:
        """Give what OWN_ROWS must answer to who has these stores."""
        ids = [store_id(store) for store in stores]
        return {(table, one, self.rows[table, one]) for table in TABLES for one in ids}

    def counts_but(self, store: str) -> set[int]:
        """Give counts that this store must not learn: of all rows, and of each other store's."""
        totals = {sum(n for (name, _), n in self.rows.items() if name == t) for t in TABLES}
        return totals | {n for (_, one), n in self.rows.items() if one != store_id(store)} - {1}


def store_id(store: str) -> str:
    return f"5ec2e70{STORES.index(store) + 1}-0000-4000-8000-000000000000"


def fill(database: conftest.Database) -> Truth:
    """Write the eight stores and their principals into an empty copy."""
    with psycopg.connect(database.admin_url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(FILL, {"stores": list(STORES), "region": list(REGION)})
        rows = connection.execute(OWN_ROWS).fetchall()
    return Truth({(table, one): count for table, one, count in rows})


def marks(text: str, truth: Truth, own: str) -> set[str]:
    """Find the marks of stores other than `own` in a text."""
    found = set()
    for match in MARK.finditer(text):
        name, of_id, of_amount, count = match.groups()
        if count is not None:
            if int(count) in truth.counts_but(own):
                found.add(f"a count of rows, {count}")
        else:
            store = name.lower() if name else STORES[int(of_id or of_amount) - 1]
            if store in STORES and store != own:
                found.add(store)
    return found


def settings(database: conftest.Database, **changes: Any) -> Settings:
    """Settings of a server of this copy, pools of one connection."""
    given = {
        "database_url": SecretStr(database.gateway_url),
        "service_url": SecretStr(database.service_url),
        "context_key": SecretStr(database.context_key),
        "pool_min": 1,
        "pool_max": 1,
        "max_rows": 1000,
        "runner": "never",
    }
    return Settings(**{**given, **changes})


@contextlib.asynccontextmanager
async def opened(database: conftest.Database, **changes: Any) -> AsyncIterator[Database]:
    """Open the product's own pools on a copy."""
    async with Database.open(settings(database, **changes)) as found:
        yield found


@contextlib.contextmanager
def hurried(database: Database, principal: Principal) -> Iterator[None]:
    """Give this tenant little time; all others have what a busy machine needs."""
    cap = {"role_name": principal.role, "cap": "statement_timeout", "value": "0.3"}
    database.caps.update([cap])
    try:
        yield
    finally:
        database.caps.update([])


async def principals(database: Database, names: Iterable[str] = STORES) -> dict[str, Principal]:
    """Look several identities up."""
    return {name: await find_principal(database, name) for name in names}


async def own_rows(database: Database, principal: Principal) -> set[tuple[str, str, int]]:
    """Ask for everything that this principal sees, as a set that compares with Truth.of()."""
    answer: Result = await fetch(database, principal, OWN_ROWS, 1000)
    return set(answer.rows)  # type: ignore[arg-type]


def context(
    database: Database, principal: Principal, *, pid: int = 0, lifetime: int = 600, now: float
) -> str:
    """Sign a context as the server would, for one who stole it."""
    return database.context_key.sign(principal, pid=pid, expiry=int(now + lifetime))
