"""What the reports cost: under row-level security against hand-filtered, rollup against lines.

    scripts/bench analytics [--lines 2000000] [--stores 50] [--rounds 9]

All variants run in each round, in an order of chance, on one processor, for two may differ in
speed. A ratio is the median of those of neighbours, which a machine that changes its speed meets
alike; beside it stands the ratio of the best, which a busy machine disturbs least. Reports of one
store take turns several times a round, up to a tenth of a second, for a few runs of some
milliseconds tell little. Head office, whose reports take longest, runs a third of the rounds.
Floors:

* a report of one store: the same function as the superuser, whom no policy stops, asked for that
  store by name; `store_comparison`, which takes no store, as a copy that names it inside, and
  once more for a region, since it is there for who sees several;
* a report of head office: the same function as the superuser;
* the rollup: the same sums straight from the order lines, as the same tenant.

Each policed table of each statement verifies the context once. How often a report does, and what
that takes of its time, is counted in a run of its own: a report that takes less than twenty times
as long cannot stay below 1.05, whatever its plan.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from operator import truediv

import psycopg
import reports
from rich.console import Console
from rich.table import Table
from throwaway import thrown_away

from zava_sql.context import ContextKey

STORE = "bench_7"
REGION = tuple(f"bench_{n}" for n in range(1, 11))
KEY = ContextKey("bench", bytes(range(32)))
PROCESSOR = {max(os.sched_getaffinity(0))}

# Six years of the same number of orders in each store; 8 lines in 3 orders; a return for 4 % of
# the orders, 1 % never sold. Without foreign keys being checked row by row: they hold.
LOAD = """
set session_replication_role = replica;
select setseed(0.5);
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
select 'bench_' || n, 'Bench ' || n, 'Seattle', 0.1, date '2020-01-01'
from generate_series(1, {stores}) as n;
insert into retail.categories (name) select 'Category ' || n from generate_series(1, 9) as n;
insert into retail.product_types (category_id, name)
select c.category_id, c.name || ' type ' || n
from retail.categories as c cross join generate_series(1, 6) as n;
insert into retail.products (sku, name, description, category_id, type_id, list_price)
select t.name || n, t.name || n, 'd', t.category_id, t.type_id, 5 + 7 * n
from retail.product_types as t cross join generate_series(1, 10) as n;
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
select s.store_id, p.product_id, p.list_price, round(p.list_price * 0.66, 2), 20
from retail.stores as s cross join retail.products as p;
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select s.store_id, md5(s.store_key || n)::uuid, 'A', 'B', n || '@example.com', 'Seattle',
    '2020-07-01'
from retail.stores as s cross join generate_series(1, {customers}) as n;
create temporary table sold as
select s.store_id, md5(s.store_key || '/' || n)::uuid as order_id, n, s.store_key,
    timestamptz '2020-07-01 08:00-07' + n * interval '2190 days' / {orders} as order_date,
    case when n % 10 <> 0
        then md5(s.store_key || 1 + (random() ^ 3 * {customers})::integer % {customers})::uuid end
        as customer_id
from retail.stores as s cross join generate_series(1, {orders}) as n;
create temporary table items as
select o.store_id, o.order_id, l as line_number, p.product_id, o.order_date, o.n,
    1 + (random() * 3)::integer as quantity, p.list_price,
    case when random() < 0.15 then 0.1 else 0 end as discount
from sold as o
cross join lateral generate_series(1, 2 + (o.n % 3 > 0)::integer) as l
join (select p.*, row_number() over () as n from retail.products as p) as p
    on p.n = 1 + (o.n * 7919 + l * 104729 + hashtext(o.store_key)::bigint % 1000 + 1000) % 540;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_percent, discount_amount, total_amount
)
select i.store_id, i.order_id, i.line_number, i.product_id, i.order_date, i.quantity, i.list_price,
    round(i.list_price * 0.66, 2), 100 * i.discount,
    round(i.quantity * i.list_price * i.discount, 2),
    i.quantity * i.list_price - round(i.quantity * i.list_price * i.discount, 2)
from items as i;
insert into retail.orders (store_id, order_id, customer_id, order_date, status, total_amount)
select o.store_id, o.order_id, o.customer_id, o.order_date,
    case when o.n % 100 = 3 then 'cancelled' else 'completed' end, t.total
from sold as o
join (
    select i.store_id, i.order_id, sum(i.total_amount) as total
    from retail.order_items as i group by i.store_id, i.order_id
) as t on t.store_id = o.store_id and t.order_id = o.order_id;
insert into retail.orders (
    store_id, order_id, customer_id, order_date, status, return_of, total_amount
)
select o.store_id, md5(o.order_id::text)::uuid, o.customer_id, o.order_date + interval '9 days',
    'return', o.order_id, -i.total_amount
from sold as o
join retail.order_items as i
    on i.store_id = o.store_id and i.order_id = o.order_id and i.line_number = 1
where o.n % 25 = 0 and o.n % 100 <> 3;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_percent, discount_amount, total_amount, return_of_order_id, return_of_line_number
)
select r.store_id, r.order_id, 1, i.product_id, r.order_date, -i.quantity, i.unit_price,
    i.unit_cost, i.discount_percent, -i.discount_amount, -i.total_amount, i.order_id, 1
from retail.orders as r
join retail.order_items as i
    on i.store_id = r.store_id and i.order_id = r.return_of and i.line_number = 1
where r.status = 'return';
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select i.store_id, i.product_id, (i.order_date at time zone 'America/Los_Angeles')::date,
    'sale', -sum(i.quantity)
from retail.order_items as i
where i.quantity > 0
group by 1, 2, 3;
set session_replication_role = origin;
select zava.create_principal('bench-store', 'store', array['{store}']);
select zava.create_principal('bench-region', 'region', array[{region}]);
select zava.create_principal('bench-head', 'head');
"""

# A report, and what narrows it to one store for the superuser. {store} is empty for tenants.
YEAR = "p_from => '2025-07-01', p_to => '2026-06-30'"
REPORTS = {
    "store_performance": f"('{{id}}', {YEAR})",
    "sales_trend, year by month": f"({{store}} {YEAR}, p_period => 'month')",
    "top_products, year": f"({{store}} {YEAR})",
    "category_performance, year": f"({{store}} {YEAR})",
    "store_comparison, year": f"({YEAR})",
    "store_comparison, region": f"({YEAR})",
    "discount_impact, year": f"({{store}} {YEAR})",
    "returns_analysis, year": f"({{store}} {YEAR})",
    "seasonality, 3 years": "({store} p_years => 3)",
    "customer_segments, year": f"({{store}} {YEAR})",
    "customer_cohorts": "({store} p_to => null)",
    "customer_lifetime_value": "({store} p_to => null)",
    "basket_affinity": "({store} p_to => null)",
    "inventory_status": "({store} p_limit => 100)",
    "sales_anomalies": "({store} p_to => null)",
    "sales_forecast": "({store} p_horizon => 28)",
}
# The report that covers all that the caller sees: the superuser asks a copy that names the stores.
ALWAYS_ALL = "store_comparison"

ROLLUP = """
select date_trunc('month', d.sold_on::timestamp), sum(d.revenue), sum(d.orders)
from api._daily_totals(
    array(select s.store_id from retail.stores as s), '2025-07-01', '2026-06-30'
) as d
group by 1 order by 1
"""
LINES = """
select date_trunc('month', l.sold_on::timestamp), sum(l.total_amount),
    count(distinct l.order_id) filter (where not l.is_return)
from api.sale_lines as l
where l.order_date >= '2025-07-01 00:00-07' and l.order_date < '2026-07-01 00:00-07'
group by 1 order by 1
"""


def load(connection: psycopg.Connection, stores: int, lines: int) -> None:
    """Fill an empty, migrated database; secondary indexes are made once it is full."""
    indexes = connection.execute(
        "select format('%I.%I', i.schemaname, i.indexname), i.indexdef from pg_indexes as i"
        " join pg_index as x on x.indexrelid = format('%I.%I', i.schemaname, i.indexname)::regclass"
        " where i.tablename in ('orders', 'order_items') and not x.indisunique"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}")
    began = time.perf_counter()
    orders = lines * 3 // 8 // stores
    connection.execute("select zava.create_signing_key(%s, %s, %s)", [KEY.kid, *KEY.pads()])
    connection.execute(
        LOAD.format(
            stores=stores,
            orders=orders,
            customers=max(10, orders // 5),
            store=STORE,
            region=", ".join(f"'{key}'" for key in REGION),
        )
    )
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("vacuum analyze")
    Console().print(f"loaded: {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    connection.execute("select zava.refresh_daily_sales()")
    Console().print(f"first refresh: {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    connection.execute("select zava.refresh_daily_sales()")
    Console().print(f"refresh of the last 31 days: {time.perf_counter() - began:.1f} s")
    connection.execute("vacuum analyze")


class Caller:
    """One connection, as a tenant under a signed context or as the superuser."""

    def __init__(self, url: str, principal: str | None) -> None:
        self.connection = psycopg.connect(url, options="-c jit=off", prepare_threshold=None)
        self.connection.execute("set timezone = 'UTC'")
        os.sched_setaffinity(self.connection.info.backend_pid, PROCESSOR)
        self.role = "none"
        if principal:
            self.role = reports.become(self.connection, str(KEY), principal, 86_400)
        self.connection.commit()

    def ms(self, query: str) -> float:
        """Run once, in milliseconds."""
        began = time.perf_counter()
        self.connection.execute(query).fetchall()
        took = (time.perf_counter() - began) * 1000
        self.connection.rollback()
        return took

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query gives, in no order of its own."""
        rows = self.connection.execute(query).fetchall()
        self.connection.rollback()
        return sorted(rows, key=repr)

    def checks(self, query: str) -> tuple[int, float]:
        """Count how often a query verifies the context, and the milliseconds that this takes."""
        self.connection.execute("set local role none")
        self.connection.execute("set local track_functions = 'all'")
        calls, total = self._verified()  # by transactions before, not collected yet
        self.connection.execute(f"set local role {self.role}")
        self.connection.execute(query).fetchall()
        self.connection.execute("set local role none")  # others may not read these counters
        calls_after, total_after = self._verified()
        self.connection.rollback()
        return calls_after - calls, total_after - total

    def _verified(self) -> tuple[int, float]:
        row = self.connection.execute(
            "select f.calls, f.total_time from pg_stat_xact_user_functions as f"
            " where f.funcname = 'verify_context'"
        ).fetchone()
        return row or (0, 0.0)


def alternate(rounds: int, variants: dict[str, tuple[Caller, str]]) -> dict[str, list[float]]:
    """Run all variants `rounds` times after a first, and give the milliseconds of each."""
    first = {name: caller.ms(query) for name, (caller, query) in variants.items()}
    often = [name for name in variants if name not in SELDOM]
    turns = max(1, int(ROUND_MS / sum(first[name] for name in often)))
    times: dict[str, list[float]] = {name: [] for name in variants}
    generator = random.Random(1)  # noqa: S311 - an order, not a secret
    for number in range(rounds):
        for name in SELDOM & variants.keys() if number < max(1, rounds // 3) else ():
            times[name].append(variants[name][0].ms(variants[name][1]))
        for _ in range(turns):
            for name in generator.sample(often, len(often)):
                times[name].append(variants[name][0].ms(variants[name][1]))
    return times


def ratio(ours: list[float], floor: list[float]) -> str:
    return f"{statistics.median(map(truediv, ours, floor)):.3f}"


def best(ours: list[float], floor: list[float]) -> str:
    return f"{min(ours) / min(floor):.3f}"


# Variants that read all stores; and how long the others take turns in a round.
SELDOM = {"head", "all"}
ROUND_MS = 100


def narrowed(owner: Caller, stores: list[str]) -> str:
    """Copy `ALWAYS_ALL` for this connection, filtered by hand; give the copy's name."""
    row = owner.connection.execute(
        "select pg_get_functiondef(p.oid) from pg_proc as p"
        " where p.pronamespace = 'api'::regnamespace and p.proname = %s",
        [ALWAYS_ALL],
    ).fetchone()
    assert row is not None
    ours, copy = f"api.{ALWAYS_ALL}", f"pg_temp.{ALWAYS_ALL}_{len(stores)}"
    everywhere = "where v_days is not null"
    assert row[0].count(everywhere) == row[0].count(ours) == 1
    listed = ", ".join(f"'{store_id}'::uuid" for store_id in stores)
    here = f"s.store_id = {listed}" if len(stores) == 1 else f"s.store_id = any (array[{listed}])"
    owner.connection.execute(
        row[0].replace(everywhere, f"{everywhere} and {here}").replace(ours, copy)
    )
    owner.connection.commit()
    return copy


def measure(url: str, name: str, ids: dict[str, str], rounds: int) -> list[str]:
    """A report as multiples of its floors.

    Each variant has a session of its own, for what else ran in one, and how much memory that left,
    tells by a tenth.
    """
    function, _, scope = name.partition(", ")
    keys, principal = (REGION, "bench-region") if scope == "region" else ((STORE,), "bench-store")
    callers = [Caller(url, p) for p in (principal, None, "bench-head", None)]
    few, owner, head, superuser = callers
    arguments = REPORTS[name]
    everything = f"select * from api.{function}{arguments.format(store='', id=ids[STORE])}"
    if function == ALWAYS_ALL:
        by_hand = f"select * from {narrowed(owner, [ids[key] for key in keys])}{arguments}"
    else:
        named = arguments.format(store=f"p_store => '{STORE}',", id=ids[STORE])
        by_hand = f"select * from api.{function}{named}"
    assert few.rows(everything) == owner.rows(by_hand) != [], f"{name} by hand: other rows"
    variants = {
        "few": (few, everything),
        "by hand": (owner, by_hand),
        "head": (head, everything),
        "all": (superuser, everything),
    }
    times = alternate(rounds, variants)
    checks, spent = few.checks(everything)
    for caller in callers:
        caller.connection.close()
    return [
        name,
        f"{statistics.median(times['few']):.1f}",
        ratio(times["few"], times["by hand"]),
        best(times["few"], times["by hand"]),
        f"{checks}",
        f"{spent:.1f}",
        f"{statistics.median(times['head']):.0f}",
        ratio(times["head"], times["all"]),
        best(times["head"], times["all"]),
    ]


def compare(url: str, rounds: int) -> None:
    """Print every report as multiples of its floor, then the rollup."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select store_key, store_id from retail.stores").fetchall()
    ids = {key: str(store_id) for key, store_id in found}
    heads = ("report", "ms", "x by hand", "(best)", "checks", "their ms")
    table = Table(*heads, "head ms", "x superuser", "(best)", title="Alternated runs")
    for name in REPORTS:
        table.add_row(*measure(url, name, ids, rounds))
    Console(width=120).print(table)
    table = Table("a year by month", "rollup ms", "lines ms", "lines / rollup")
    for who, principal in (("store", "bench-store"), ("head office", "bench-head")):
        caller = Caller(url, principal)
        times = alternate(rounds, {"rollup": (caller, ROLLUP), "lines": (caller, LINES)})
        rollup, lines = (statistics.median(times[kind]) for kind in ("rollup", "lines"))
        table.add_row(who, f"{rollup:.1f}", f"{lines:.1f}", ratio(times["lines"], times["rollup"]))
    Console(width=120).print(table)


def main() -> None:
    """Run on a server of its own that is thrown away."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench analytics", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--stores", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if options.stores <= len(REGION):
        parser.error(f"--stores: more than the {len(REGION)} of the region that is measured")
    with thrown_away() as (_, url):
        with psycopg.connect(url, autocommit=True) as connection:
            load(connection, options.stores, options.lines)
        compare(url, options.rounds)


if __name__ == "__main__":
    main()
