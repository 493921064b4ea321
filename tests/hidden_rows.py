"""Two databases that differ in rows which Seattle and Tacoma may not see, and random texts.

What such a text gives, rows or an error, must be the same in both. Most of them ask rows what only
hidden ones affirm, and then something that fails wherever it is reached: a difference would tell
what they hold.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import psycopg
import tenants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    import conftest

    from zava_sql.functions import FunctionSpec

__all__ = ["MADE_OF_MANY", "arguments", "text", "worlds"]

# What hidden rows of the one database hold, and those of the other; texts ask for the first.
_SOUGHT: Final = {"text": "sought", "number": "8100299", "day": "2021-03-01"}
_OTHERS: Final = {"text": "others", "number": "8100298", "day": "2021-04-01"}

# As long, so that every row lies where it lies in the other, and PostgreSQL plans alike.
_CHANGED: Final = """
update retail.stores set name = %(text)s, city = %(text)s, opened_on = %(day)s
where store_key not in ('seattle', 'tacoma');
create temporary table hidden as
select store_id from retail.stores where store_key not in ('seattle', 'tacoma');
update retail.customers
set first_name = %(text)s, last_name = %(text)s, city = %(text)s, joined_on = %(day)s,
    email = %(text)s || right(customer_id::text, 1)
where store_id in (select store_id from hidden) and right(customer_id::text, 2) < '04';
update retail.orders
set total_amount = %(number)s, tax_amount = %(number)s, order_date = %(day)s
where store_id in (select store_id from hidden) and right(order_id::text, 2) < '04';
update retail.order_items
set unit_price = %(number)s, unit_cost = %(number)s, total_amount = %(number)s,
    order_date = %(day)s
where store_id in (select store_id from hidden) and right(order_id::text, 2) < '04';
update retail.inventory
set price = %(number)s, unit_cost = %(number)s, stock_level = %(number)s
where store_id in (select store_id from hidden) and stock_level %% 100 < 4;
update retail.stock_movements set quantity = %(number)s, moved_on = %(day)s
where store_id in (select store_id from hidden) and quantity %% 100 < 4;
"""

# Rows, and a store, that are there in the one database and not in the other.
_GONE: Final = """
update retail.stores set store_key = 'elsewhere' where store_key = 'everett';
delete from retail.order_items as i using hidden as h
where i.store_id = h.store_id and right(i.order_id::text, 2) between '04' and '06';
delete from retail.orders as o using hidden as h
where o.store_id = h.store_id and right(o.order_id::text, 2) between '04' and '06';
delete from retail.customers as c using hidden as h
where c.store_id = h.store_id and right(c.customer_id::text, 2) between '04' and '06';
delete from retail.stock_movements as m using hidden as h
where m.store_id = h.store_id and m.quantity % 100 in (4, 5, 60);
delete from retail.inventory as v using hidden as h
where v.store_id = h.store_id and v.stock_level % 100 in (4, 5, 60);
"""

# What tools read instead of the rows themselves.
_DERIVED: Final = """
select zava.refresh_daily_sales('2019-01-01');
select zava.refresh_search_words();
select zava.refresh_search_lexemes();
select zava.refresh_search_assortments();
"""

# What zava.index_search_assortments() makes where other stores, or a region, sell many products.
_HIDDEN_INDEX: Final = f"search_assortments_{tenants.store_id('bellevue').replace('-', '')}_1_idx"
_MANY: Final = f"""
create index {_HIDDEN_INDEX} on retail.search_assortments (product_id) where false;
insert into retail.search_regions (region_id, store_id, model_id, indexed, ef_search)
select api._region_id(array_agg(s.store_id) over ()), s.store_id, 1, true, 200
from retail.stores as s
where s.store_key in ('seattle', 'tacoma', 'bellevue');
"""

# Texts that ask for it.
MADE_OF_MANY: Final = (
    "select indexed, ef_search from search_regions",
    "select exists (table retail.search_regions)",
    f"select 1 from {_HIDDEN_INDEX}",
    f"select count(*) from retail.{_HIDDEN_INDEX} as i",
)

# Were the two planned for differently, rows would come in another order, and other errors first.
_TABLES: Final = """
    stores customers orders order_items inventory stock_movements
    daily_totals daily_customers daily_sales
"""


@contextmanager
def worlds(one: conftest.Database) -> Iterator[tuple[conftest.Database, conftest.Database]]:
    """Fill an empty copy as `tenants` does, copy it, and change what is hidden in either."""
    tenants.fill(one)
    other = replace(one, dbname=f"{one.dbname}_other")
    janitor = one.server.janitor(other.dbname, one.dbname)
    janitor.drop()
    with janitor:
        for database, held in ((one, _SOUGHT), (other, _OTHERS)):
            with psycopg.connect(
                database.admin_url, cursor_factory=psycopg.ClientCursor, autocommit=True
            ) as connection:
                connection.execute("select zava.secure_database()")
                for table in _TABLES.split():
                    connection.execute(f"alter table retail.{table} set (autovacuum_enabled = off)")
                connection.execute(_CHANGED, held)
                connection.execute(_GONE if database is other else _MANY)
                connection.execute(_DERIVED)
        yield one, other


class Column(NamedTuple):
    name: str
    kind: str


def _columns(words: str) -> tuple[Column, ...]:
    return tuple(Column(*word.split(":")) for word in words.split())


_COLUMNS: Final = {
    "customers": _columns(
        "last_name:text email:text city:text first_name:text joined_on:day customer_id:id"
    ),
    "orders": _columns("total_amount:number order_date:day customer_id:id order_id:id"),
    "order_items": _columns(
        "unit_price:number order_date:day order_id:id product_id:id total_amount:number"
    ),
    "inventory": _columns("price:number stock_level:number product_id:id unit_cost:number"),
    "stock_movements": _columns("quantity:number moved_on:day product_id:id"),
    "stores": _columns("name:text city:text opened_on:day store_id:id store_key:text"),
    "daily_totals": _columns("sold_on:day revenue:number"),
    "daily_customers": _columns("sold_on:day customer_id:id revenue:number"),
    "api.sale_lines": _columns("order_date:day sold_on:day order_id:id customer_id:id cost:number"),
}

_TYPES: Final = {"text": "text", "number": "numeric", "day": "date", "id": "uuid"}

# Of a hidden row; the other database has it under no id.
_HIDDEN_ID: Final = f"{tenants.store_id('bellevue')[:-2]}05"

# Each fails where it is reached, says the same then, and holds no column: of such PostgreSQL thinks
# that it tells nothing. It can compute none of them before it runs the text.
_FAILING: Final = {
    "bool": (
        "(select 1 / (count(*) - 2) = 1 from generate_series(1, 2))",
        "exists (select 1 from generate_series(1, 2) as g having 1 / (count(*) - 2) = 1)",
        "sqrt(-1 - random()) > 0",
        "ln((random() * 0)::int) is null",
        "1 / (random() * 0)::int = 1",
        "'a' ~ concat('(', now() - now())",
        "(select concat('x', now() - now())::int) = any (array[1, 2])",
        "2147483647 + 1 + (random() * 0)::int > 1",
        "(concat('[', now() - now()))::jsonb is not null",
        "json_value(concat('[', now() - now()), '$' error on error) is null",
        "(select count(*) / (count(*) - count(*)) > 0 from stores)",
    ),
    "text": ("chr((random() * 0)::int)", "concat('x', now() - now())::uuid::text"),
    "number": (
        "(select 1 / (count(*) - 2) from generate_series(1, 2))::numeric",
        "concat('x', now() - now())::numeric",
        "power(10, 300000 + random())::numeric",
    ),
    "day": ("make_date((random() * 0)::int, 1, 1)", "concat('x', now() - now())::date"),
    "id": ("concat('x', now() - now())::uuid",),
}


def _sought(column: Column, random: Random) -> str:
    """Write a value that hidden rows may hold; a store's own do not."""
    if column.kind == "id":
        stores = [tenants.store_id(key) for key in ("bellevue", "online")]
        return f"'{random.choice([_HIDDEN_ID, *stores])}'::uuid"
    value = _SOUGHT[column.kind]
    if column.name == "email":
        value += "1"
    return {"text": f"'{value}'", "number": value, "day": f"date '{value}'"}[column.kind]


def _question(alias: str, column: Column, random: Random) -> str:
    """Ask a row whether it is one of the hidden; most forms are leakproof to PostgreSQL."""
    x, value = f"{alias}.{column.name}", _sought(column, random)
    typed = f"({value})::{_TYPES[column.kind]}"
    forms = [
        f"{x} = {value}",
        f"{x} >= {value} and {x} <= {value}",
        f"{x} between {value} and {value}",
        f"{x} in ({value}, {value})",
        f"{x} = any (array[{typed}])",
        f"{x} is not distinct from {value}",
        f"not {x} <> {value}",
        f"({x}, 1) = ({value}, 1)",
        f"nullif({x}, {value}) is null",
        f"case {x} when {value} then true else false end",
        f"coalesce({x}, {value}) = {value}",
    ]
    if column.kind == "text":
        forms += [f"{x} ^@ {value}", f'{x} collate "C" = {value}', f"md5({x}) = md5({value})"]
    others = [
        f"({x}, 1) >= ({value}, 1) and {x} <= {value}",
        f"{x} > {value}",
        f"{x}::text = {typed}::text",
        f"{x}::text like {typed}::text",
    ]
    return random.choice(forms if random.random() < 0.8 else others)


def _condition(alias: str, columns: tuple[Column, ...], random: Random, own: str) -> str:
    """Ask a row, and fail where it says yes."""
    column, other = random.choice(columns), random.choice(columns)
    held, value = f"{alias}.{column.name}", _sought(column, random)
    asked, fails = _question(alias, column, random), random.choice(_FAILING["bool"])
    x, typed = f"{alias}.{other.name}", random.choice(_FAILING[other.kind])
    either = f"case when {asked} then {typed} else {x} end"
    store = f"case when {asked} then {random.choice(_FAILING['id'])} else {alias}.store_id end"
    merged = f"{store} = '{own}'::uuid and {store} = {alias}.store_id"
    leaky = {
        "number": f"1 / ({held} - {value}) is not null",
        "day": f"1 / ({held}::date - {value}) is not null",
    }
    return random.choice(
        (
            f"case when {asked} then {fails} else true end",
            f"({asked}) and {fails}",
            f"not ({asked}) or {fails}",
            f"({asked}) is not true or {fails}",
            f"coalesce(case when {asked} then null::boolean else true end, {fails})",
            f"(case when {asked} then {fails} end) is null",
            f"({x}, true) = ({x}, case when {asked} then {fails} else true end)",
            f"{either} = {x}",
            f"{either} = {x} and {x} = {_sought(other, random)}",
            f"{x} = any (array[{either}, {x}])",
            f"{store} = {alias}.store_id",
            f"{store} in (select store_id from stores)",
            # Equal to what the fence asks, and so merged with it.
            f"{store} = '{own}'::uuid",
            merged,
            merged,
            merged,
            leaky.get(column.kind, f"1 / length(replace({held}::text, {value}::text, '')) > 0"),
        )
    )


_PLACES: Final = (
    "select count(*) from {t} as a where {c}",
    "select count(*) from {t} as a where {c} and {d}",
    "select {x} from {t} as a where {c} order by 1 limit 3",
    "select min({x}), max({x}) from {t} as a where {c}",
    "select distinct {x} from {t} as a where {c}",
    "select {x}, count(*) from {t} as a group by 1 having bool_and({c}) order by 1",
    "select count(*) from (select * from {t} as b) as a where {c}",
    "select count(*) from (select distinct * from {t} as b) as a where {c}",
    "select count(*) from (select * from {t} union all select * from {t}) as a where {c}",
    ("select count(*) from (select *, row_number() over (partition by store_id, {y}) as n from {t}"
     " as b) as a where {c} and n < 2"),
    "select count(*) from (select *, count(*) over () as n from {t} as b offset 0) as a where {c}",
    "with a as (select * from {t}) select count(*) from a where {c}",
    "with a as materialized (select * from {t}) select count(*) from a where {c}",
    ("with recursive a as (select * from {t} as z union select r.* from {t} as r join a on"
     " r.store_id <> a.store_id) select count(*) from a where {c}"),
    "select count(*) from {t} as a join stores as s on s.store_id = a.store_id and {c}",
    "select count(*) from stores as s left join {t} as a on s.store_id = a.store_id and {c}",
    "select count(*) from {t} as a full join stores as s using (store_id) where {c}",
    "select count(a.store_id) from {t} as a natural join {t} as b where {c}",
    "select count(*) from {t} as a join {t} as b using (store_id, {y}) where {c}",
    ("select count(*) from stores as s where exists (select 1 from {t} as a where"
     " a.store_id = s.store_id and {c})"),
    "select count(*) from stores as s where not exists (select 1 from {t} as a where {c})",
    "select count(*) from stores as s where store_id in (select store_id from {t} as a where {c})",
    ("select count(*) from stores as s where store_id = all (select store_id from {t} as a"
     " where {c})"),
    ("select s.name, (select count(*) from {t} as a where a.store_id = s.store_id and {c})"
     " from stores as s"),
    ("select s.name, n.n from stores as s, lateral (select count(*) as n from {t} as a where"
     " a.store_id = s.store_id and {c}) as n"),
    "select count(*) filter (where {c}) from {t} as a",
    ("select sum(case when {c} then 1 end) over (order by {x} rows between 1 preceding and current"
     " row) from {t} as a order by 1 limit 5"),
    ("select count(*) over (rows between (select count(*) from {t} as a where {c}) preceding and"
     " current row) from stores"),
    "select 1 from generate_series(1, 5) limit (select count(*) from {t} as a where {c})",
    "select 1 from generate_series(1, 5) offset (select count(*) from {t} as a where {c})",
    "select {x} from {t} as a order by {c}, 1 limit 3",
    ("select {x}, {y}, count(*) from {t} as a where {c} group by grouping sets (({x}), ({y}), ())"
     " order by 1, 2, 3 limit 5"),
    ("select {x}, count(*) from {t} as a group by rollup ({x}) having min(case when {c} then 1 end)"
     " is null order by 1, 2 limit 5"),
    ("select {x}, g from {t} as a, generate_series(1, case when {c} then 2 else 1 end) as g"
     " order by 1, 2 limit 5"),
    "select json_agg({x} order by {x}) from {t} as a where {c}",
    ("select count(*) from {t} as a, json_table(to_json({x}), '$' columns (v text path '$')) as j"
     " where {c} and j.v is not null"),
    "select {x} from {t} as a where {c} union select {x} from {t} as a where {d}",
    "select count(*) from {t} as a where {c} or {d}",
    "select percentile_disc(0.5) within group (order by {x}) from {t} as a where {c}",
    ("select count(*) from products as p join inventory as v using (product_id) join {t} as a on"
     " a.store_id = v.store_id where {c}"),
    "(select 1 from {t} as a where {c} limit 1) union all (select 2 from stores) order by 1",
)  # fmt: skip


def text(random: Random, own: str) -> str:
    """Write a text of a tenant whose store is `own`."""
    table = random.choice(list(_COLUMNS))
    columns = _COLUMNS[table]
    return random.choice(_PLACES).format(
        t=table,
        c=f"({_condition('a', columns, random, own)})",
        d=f"({_condition('a', columns, random, own)})",
        x=f"a.{random.choice(columns).name}",
        y=random.choice(columns).name,
    )


# What an asker may try as an argument, by its type.
_GIVEN: Final[dict[str, tuple[object, ...]]] = {
    "text": (
        "bellevue", "everett", "EVERETT", "seattle", "nowhere", "tools", "hammers", "sought",
        "sku3", "sku60", "sku199", "hammer 60", "day", "month", "store", "product", "low", "%", "'",
        "", tenants.store_id("bellevue"), "SECRET-bellevue",
    ),
    "date": ("2019-12-01", "2020-01-01", "2021-03-01", "2021-04-01", "2021-03-02", "9999-12-31"),
    "integer": (1, 2, 5, 30, 90, 365, 0, -1, 8100299),
    "numeric": (0.01, 0.5, 0.9, 1, 2, 0, -1, 8100299),
    "boolean": (True, False),
    "uuid": (
        tenants.store_id("bellevue"), tenants.store_id("seattle"), _HIDDEN_ID,
        f"{tenants.store_id('bellevue')[:-2]}01", f"{tenants.store_id('seattle')[:-2]}01",
    ),
}  # fmt: skip


def arguments(function: FunctionSpec, random: Random) -> dict[str, object]:
    """Make up arguments of a tool."""
    return {
        parameter.name: random.choice(_GIVEN[parameter.facts["sql"]])
        for parameter in function.parameters
        if parameter.facts["sql"] in _GIVEN and (parameter.required or random.random() < 0.5)
    }
