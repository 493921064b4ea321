"""What a tenant's session and its row-level security cost: ratios against raw asyncpg, one run.

    scripts/bench agent [--rounds 40] [--orders 45000]

Each round runs a block of every variant in turn, so that all of them see the same machine; what is
compared is the median over all calls. Floors:

* one row by primary key: `asyncpg.fetch` as the owner, once with the statement prepared and cached
  by the driver, as it is for a text that a principal sends again, and once parsed and planned anew;
* analytics: the same statement as the owner, filtered by hand, without row-level security.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from typing import TYPE_CHECKING

import asyncpg
import uvloop
from rich.console import Console
from rounds import Rounds
from tenants import STORES
from throwaway import thrown_away

from zava_sql.agent import Agent
from zava_sql.database import Database
from zava_sql.principals import find_principal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zava_sql.principals import Principal
    from zava_sql.settings import Settings

BLOCK = 60

DATA = """
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
select k, k, k, 0.1, date '2020-01-01' from unnest($1::text[]) as k;
"""
LOAD = """
insert into retail.categories (name) values ('c');
insert into retail.product_types (category_id, name) select category_id, 't' from retail.categories;
insert into retail.products (sku, name, description, category_id, type_id, list_price)
select 'P' || n, 'product ' || n, 'd', t.category_id, t.type_id, 1 + n % 50
from retail.product_types as t, generate_series(1, 400) as n;
insert into retail.orders (store_id, order_id, order_date, status, total_amount)
select
    s.store_id, md5(s.store_key || n)::uuid,
    timestamptz '2020-07-01' + n * interval '6 years' / {orders}, 'completed', 30
from retail.stores as s, generate_series(1, {orders}) as n;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select
    o.store_id, o.order_id, l, p.product_id, o.order_date, 1, p.list_price, 1, p.list_price
from (select o.*, row_number() over () as n from retail.orders as o) as o
cross join generate_series(1, 3) as l
join (select p.*, row_number() over () as n from retail.products as p) as p
    on p.n = 1 + (o.n * 7 + l * 13) % 400;
create table retail.open_orders (like retail.orders including all);
insert into retail.open_orders select * from retail.orders;
alter table retail.open_orders owner to zava_owner;
alter table retail.open_orders enable row level security;
alter table retail.open_orders force row level security;
create policy everything on retail.open_orders for select to store_manager using (true);
grant select on retail.open_orders to store_manager;
select zava.create_principal(s.store_key, 'store', array[s.store_key]) from retail.stores as s;
select zava.create_principal('head-office', 'head');
"""

BY_KEY = (
    "select order_date, total_amount from retail.{table} where store_id = {a} and order_id = {b}"
)
REVENUE = """
select date_trunc('month', i.order_date) as month, sum(i.total_amount) as revenue
from retail.order_items as i{where}
group by 1
order by 1"""


async def naive(database: Database, pool: asyncpg.Pool, principal: Principal, sql: str) -> None:
    """Do what a first draft does: a trip for each step, COMMIT, and the driver's own reset."""
    async with pool.acquire() as connection:
        context = database.context_key.sign(
            principal, pid=connection.get_server_pid(), expiry=int(time.time()) + 60
        )
        await connection.execute("begin read only")
        await connection.execute(f'set local role "{principal.role}"')
        await connection.execute(f"set local zava.context = '{context}'")
        await connection.execute("set local statement_timeout = 30000")
        await connection.fetch(sql)
        await connection.execute("commit")


async def one_row(
    database: Database, in_runner: Database, owner: asyncpg.Connection[asyncpg.Record], n: int
) -> None:
    """Compare one agent query by primary key with a raw fetch."""
    agent, run = Agent(database), Agent(in_runner)
    principal = await find_principal(database, "seattle")
    row = await owner.fetchrow(
        "select o.store_id, o.order_id from retail.orders as o join retail.stores as s"
        " on s.store_id = o.store_id where s.store_key = 'seattle' limit 1"
    )
    assert row is not None
    literal = {"a": f"'{row[0]}'", "b": f"'{row[1]}'"}
    fenced = BY_KEY.format(table="orders", **literal)
    unfenced = BY_KEY.format(table="open_orders", **literal)
    parameters = BY_KEY.format(table="orders", a="$1", b="$2")
    url = database.settings.database_url
    assert url is not None
    pool = await asyncpg.create_pool(
        url.get_secret_value(), min_size=2, max_size=2, server_settings={"jit": "off"}
    )
    admin = database.settings.admin_url
    assert admin is not None
    anew = await asyncpg.connect(
        admin.get_secret_value(),
        statement_cache_size=1,
        max_cacheable_statement_size=1,
        server_settings={"jit": "off"},
    )
    people = itertools.cycle([await find_principal(database, store) for store in STORES])
    rounds = Rounds()
    for _ in range(n):
        await rounds.wait("raw, cached", lambda: owner.fetch(parameters, row[0], row[1]), BLOCK)
        await rounds.wait("raw, anew", lambda: anew.fetch(fenced), BLOCK)
        await rounds.wait("agent query", lambda: agent.query(principal, fenced), BLOCK)
        await rounds.wait("eight in turn", lambda: agent.query(next(people), fenced), BLOCK)
        await rounds.wait("in the runner", lambda: run.query(principal, fenced), BLOCK)
        await rounds.wait("policy `true`", lambda: agent.query(principal, unfenced), BLOCK)
        await rounds.wait("six trips", lambda: naive(database, pool, principal, fenced), BLOCK)
    await pool.close()
    await anew.close()
    rounds.show("One row by primary key", "raw, cached", "raw, anew")
    ratio = rounds.ratio("agent query", "policy `true`")
    Console().print(f"agent query / policy `true`: {ratio:.2f}")
    ratio = rounds.ratio("in the runner", "agent query")
    Console().print(f"in the runner / agent query: {ratio:.2f}\n")


async def analytics(
    database: Database, in_runner: Database, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Compare a month-by-month report under row-level security with the hand-filtered one."""
    agent, run = Agent(database), Agent(in_runner)
    seattle = await find_principal(database, "seattle")
    head = await find_principal(database, "head-office")
    store = await owner.fetchval("select store_id from retail.stores where store_key = 'seattle'")
    by_hand = REVENUE.format(where=f"\nwhere i.store_id = '{store}'")
    everything = REVENUE.format(where="")
    one, all_ = Rounds(), Rounds()
    variants: list[tuple[Rounds, str, Callable[[], Awaitable[object]]]] = [
        (one, "by hand", lambda: owner.fetch(by_hand)),
        (one, "store manager", lambda: agent.query(seattle, everything)),
        (one, "in the runner", lambda: run.query(seattle, everything)),
        (all_, "as owner", lambda: owner.fetch(everything)),
        (all_, "head office", lambda: agent.query(head, everything)),
        (all_, "in the runner", lambda: run.query(head, everything)),
    ]
    # In an order of chance: who reads what another has just read finds it in the processor's cache.
    generator = random.Random(1)  # noqa: S311 - an order, not a secret
    for _ in range(15):
        for rounds, name, call in generator.sample(variants, len(variants)):
            await rounds.wait(name, call, 1)
    one.show("Monthly revenue of one store", "by hand")
    all_.show("Monthly revenue of all stores", "as owner")


async def measure(settings: Settings, rounds: int, orders: int) -> None:
    """Fill a fresh database and measure."""
    admin = settings.admin_url
    assert admin is not None
    # The same session settings as the pool, so that only the path differs.
    owner = await asyncpg.connect(
        admin.get_secret_value(),
        server_settings={"jit": "off", "work_mem": "4MB", "TimeZone": settings.time_zone},
    )
    await owner.execute(DATA.replace("$1", "'{" + ",".join(STORES) + "}'"))
    await owner.execute(LOAD.format(orders=orders))
    await owner.execute("vacuum analyze")
    # As many connections as there are tenants, so that each keeps its own.
    settings = settings.model_copy(update={"pool_min": len(STORES)})
    always = settings.model_copy(update={"runner": "always"})
    async with Database.open(settings) as database, Database.open(always) as in_runner:
        await one_row(database, in_runner, owner, rounds)
        await analytics(database, in_runner, owner)
    await owner.close()


def main() -> None:
    """Run on a server of its own that is thrown away."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench agent", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--orders", type=int, default=45_000, help="orders a store, 3 lines each")
    options = parser.parse_args()
    with thrown_away() as (settings, _):
        uvloop.run(measure(settings, options.rounds, options.orders))


if __name__ == "__main__":
    main()
