"""Texts that grow until the guard refuses them, and what PostgreSQL takes to plan the largest.

A sample is a function of (seed, number): a query, steps that stand around it again and again, and
a query around all, of what PostgreSQL copies, plans more than once or has many ways to plan.
    .venv/bin/python tests/guard_growth.py --samples 1000 --role zava_store_seattle URL
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from rich.console import Console

from zava_sql.errors import QueryRefused
from zava_sql.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 400  # MB
SLOW = 1.5  # seconds, on a machine that does nothing else
GUARD = Guard({"whoami"})
_PATIENCE = 60  # seconds
_COLUMNS = "product_id, order_id, order_date, quantity, unit_price, unit_cost, total_amount"

# Of the column x, in text.
EXPRESSIONS = """
    x
    x || x
    coalesce(x, x || 'a')
    case when x > x then x else x end
    (x between x and x)::text
    (x::date between symmetric now() and x::date)::text
    (x in (x, 'a', x))::text
    ((x, x) in ((x, 'a'), ('b', x)))::text
    (x not in (select name from stores))::text
    ((x, x) in (select name, city from stores))::text
    (x = any (array[x, x]))::text
    (x > all (select name from stores where city = x))::text
    exists (select from stores s where s.name = x and s.city = x)::text
    (select x || x)
    (select max(s.name || x) from stores s)
    (select s.name from stores s where s.name = x order by x limit 1)
    (select string_agg(u.y, x) from unnest(array[x, x]) u(y))
    (select count(*) from orders a join order_items b using (order_id) where b::text = x)::text
    (array(select x || x))[1]
    (array[x, x])::text
    row(x, x)::text
    (row(x, x) < row(x, 'a'))::text
    t::text
    (t.*)::text
    (row(t.*) is null)::text
    json_array(x, x)::text
    json_array(select x)::text
    json_object('a': x, 'b': x)::text
    json_value(to_jsonb(x), '$' returning text)
    json_serialize(json_scalar(x))::text
    format('%s%s', x, x)
    lpad(x, 10) || x
    (x similar to x)::text
    substring(x from 1 for length(x))
    (x::date at time zone x)::text
    num_nulls(x, x)::text
    count(x) over (partition by x order by x)::text
    string_agg(x, x) over ()
"""
# {} is what stands within, a query in brackets; # is an expression.
STEPS = """
    (select # as x from {} t)
    (select t.x from {} t where # > 'a')
    (select # as x from {} t, stores s)
    (select # as x from {} t left join stores s on s.name = t.x)
    (select # as x from {} t full join (select city as x from stores) u using (x))
    (select # as x from {} t natural join (select city as x from stores) u)
    (select # as x from {} t join order_items o on o.order_id::text = #
     join products p using (product_id))
    (select # as x from {} t join api.sale_lines s on s.order_id::text = t.x)
    (select # as x from {} t union all select name from stores)
    (select # as x from {} t union select name from stores)
    (select # as x from {} t except select name from stores)
    (select * from {} t)
    (select distinct # as x from {} t)
    (select distinct on (x) # as x from {} t order by x)
    (select # as x from {} t group by 1)
    (select # as x from {} t group by cube (x, #))
    (select # as x from {} t group by grouping sets ((x), (x, #)))
    (select max(#) as x from {} t group by x having max(#) > 'a')
    (select max(#) as x from {} t)
    (select string_agg(x, x order by #) filter (where # > 'a') as x from {} t)
    (select percentile_disc(0.5) within group (order by #) as x from {} t)
    (select min(x) as x from (select # as x from {} t union all select name from stores) t)
    (select # as x, row_number() over (partition by # order by #) as n from {} t)
    (select t.x from (select # as x, lag(#) over (order by #) as z from {} t) t where z > x)
    (select t.x from {} t order by #)
    (select t.x from {} t order by # limit 5)
    (with a as {} select # as x from a t)
    (with a as {} select # as x from a t, a q)
    (with a as not materialized {} select p.x || q.x as x from a p, a q)
    (with a as not materialized {} select p.x || q.x as x from a p join a q using (x))
    (with recursive r as (select name as x from stores union {}) select # as x from r t)
    (with a as not materialized {} select p.x from a p cross join a q left join a r on true)
    (select t.x from {} t cross join (select # as y from stores t) q left join stores s on true)
    (select q.x from stores t cross join (select 1 as z) r cross join {} q)
    (select l.x from {} t, lateral (select # as x) l)
    (select l.x from {} t, lateral (values (#), (#)) l(x))
    (select l.x from {} t, lateral (select # as x from stores s where s.name = t.x offset 0) l)
    (select l.x from {} t, unnest(array[#]) l(x))
    (select l.x from {} t, json_table(to_jsonb(#), '$' columns (x text path '$')) l)
    (select unnest(array[#]) as x from {} t)
    (select # as x from (select t as t, t.x as x from {} t) t)
    (select (t).x from (select t from {} t) t)
    (select # as x from (select name as x from stores) t where x in {} or x = 'a')
    (select # as x from (select name as x from stores) t where x in {})
    (select # as x from (select name as x from stores) t where x not in {})
    (select # as x from (select name as x from stores) t where exists {} or x = 'a')
    (select # as x from (select name as x from stores) t where exists (select from {} q
     where q.x = t.x))
    (select # as x from (select {} as x) t)
    (select (select # from (select t.x as x) t) as x from {} t)
    (select (select # from (values (t.x)) t (x)) as x from {} t)
    (select (select x from (select t.x as x) t order by #) as x from {} t)
    (select row_to_json((select q from (select t.x, t.x as y) q))::text as x from {} t)
    (select l.x from {} t left join lateral (select json_agg(q)::text as x from (select # as x,
     t.x as y) q) l on true)
    (select row_to_json(l.*)::text as x from {} t left join lateral (select #, t.x) l on true)
    (select (select max(#) from {} q) as x from (select name as x from stores) t)
    (select json_array(select x from {} q)::text as x)
"""
# What stands first, and how it grows by itself: what is between @ is repeated, # is its number.
STARTS = """
    (select name as x from stores)
    (select order_id::text as x from api.sale_lines)
    (select sum(total_amount)::text as x from order_items group by product_id)
    (select t0.name as x from stores t0 @ natural join stores t# @)
    (select t0.order_id::text as x from api.sale_lines t0 @ natural join api.sale_lines t# @)
    (select product_id::text as x from order_items t0 @ join order_items t# using (product_id) @)
    (select unit_cost::text as x from order_items t0 @ left join order_items t# using (COLUMNS) @)
    (select unit_cost::text as x from order_items t0 @ join order_items t# using (COLUMNS) @)
    (select order_id::text as x from api.sale_lines t0 @ join api.sale_lines t# using (order_id) @)
    (select sku as x from products t0 @ natural full join products t# @)
    (select t0.product_id::text as x from order_items t0 @, order_items t# @ where true
     @ and t0.product_id = t#.product_id @)
    (select t0.name as x from stores t0 @, lateral (select from stores s
     where s.name = t0.name) t# @)
    (select name as x from stores where name = 'a' @ and exists (select from order_items) @)
    (select order_id::text as x from order_items t where quantity = 1 @ and exists (select from
     order_items s where s.order_id = t.order_id and s.product_id = t.product_id) @)
    (select t0.x from (select (select name from stores limit 1) as x) t0 @ cross join (select
     (select city from stores limit 1) as x) t# @)
    (with a as not materialized (select name as x, (select count(*) from api.sale_lines) as y
     from stores) select t0.x from a t0 @ cross join a t# @)
    (with a as not materialized (select name as x, row(s.*) as y from stores s) select t0.x from a
     t0 @ left join a t# on true @)
    (with a as (select (select count(*) from api.sale_lines)::text as x, (select count(*) from
     api.sale_lines) as y), b as not materialized (select 1) select a.x from a @ cross join b b# @)
    (select t0.principal as x from api.whoami() t0 @ cross join api.whoami() t# @)
    (select t0.name as x from stores t0 @ cross join stores t# @)
    (select name as x from stores where true @ and (select # from stores s left join orders o
     using (store_id) limit 1) = 1 @)
    (select name as x from stores where name = 'a' @ or name = 'a#' and city = 'b' @)
    (select name as x from stores where name in ('a' @, city @))
    (select name as x from stores @ union all select name from stores @)
    (select name as x from stores group by name, rollup (city @, city || '#' @))
    (select name as x from stores group by name, cube (city, name @, (name, city || '#') @))
    (select 'a' as x from stores group by cube ((a@, a#@), (b@, b#@), (c@, c#@), (d@, d#@),
     (e@, e#@), (f@, f#@), (g@, g#@), (h@, h#@), (i@, i#@), (j@, j#@), (k@, k#@), (l@, l#@)))
    (select min(name) @ || max(name || '#') @ as x from (table stores union all table stores) t)
    (select ''::text @ || (select sum(1) over (order by name || '#') from stores limit 1) @ as x)
    (select name as x from stores order by name @, name || '#' @)
    (select 'a' @ || repeat('a', 100) @ as x)
"""
ENDS = """
    select x from {} t
    select x from {} t where x > 'a' and x < 'b' or x = 'c'
    select x, count(*) from {} t group by x order by x
    select distinct x || x from {} t
    select max(x), min(x) from {} t
    select t from {} t where t is not null
    select * from {} t where exists (select from stores s where s.name = t.x)
    select x from {} t group by rollup (x, x || 'a')
    select a.x from {} a join stores s on s.name = a.x
    select sum(length(x)) over (partition by x order by x) from {} t
    with t as {} select a.x from t a, t b where a.x = b.x
    with t as not materialized {} select a.x from t a, t b where a.x = b.x
"""


def _lines(text: str) -> list[str]:
    """Give the lines, those that are indented by more than four spaces joined to the one before."""
    joined = text.replace("\n     ", " ").replace("COLUMNS", _COLUMNS)
    return [line.strip() for line in joined.splitlines() if line.strip()]


@dataclass(frozen=True)
class Sample:
    """How to write one text in any size."""

    start: str
    steps: list[tuple[str, str]]
    end: str

    @staticmethod
    def of(seed: int, number: int) -> Sample:
        """Choose one."""
        choice = random.Random(f"{seed} {number}").choice  # noqa: S311
        steps = [
            (choice(_lines(STEPS)), choice(_lines(EXPRESSIONS)))
            for _ in range(choice((1, 1, 2, 3)))
        ]
        return Sample(choice(_lines(STARTS)), steps, choice(_lines(ENDS)))

    def text(self, first: int, depth: int, width: int) -> str:
        """Repeat what may be repeated, in so many steps, each expression written so often."""
        parts = self.start.split("@")
        for place in range(1, len(parts), 2):
            again = parts[place]
            parts[place] = "".join(again.replace("#", str(n + 1)) for n in range(first))
        query = "".join(parts)
        for number in range(depth):
            step, expression = self.steps[number % len(self.steps)]
            query = step.replace("#", " || ".join([expression] * width)).replace("{}", query)
        return self.end.replace("{}", query)

    def largest(self) -> set[str]:
        """The largest texts that pass: by each of the three numbers, and by each after another."""
        found = set()
        for order in ((0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)):
            sizes = (1, 1, 1)
            for place in order:
                before, behind = sizes[:place], sizes[place + 1 :]
                most = _largest(partial(self._text, before, behind))
                found.add(self._text(before, behind, most))
                sizes = *before, max(1, most // 2), *behind
        return {text for text in found if passes(text)}

    def _text(self, before: tuple[int, ...], behind: tuple[int, ...], size: int) -> str:
        return self.text(*before, size, *behind)


def passes(text: str) -> bool:
    """Whether the guard lets it through."""
    try:
        GUARD.check(text)
    except QueryRefused:
        return False
    return True


def _largest(text: Callable[[int], str]) -> int:
    """Give the largest number whose text passes, if larger ones do not."""
    low, high = 1, 2
    while high < 4_000 and passes(text(high)):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(text(middle)) else (low, middle)
    return low


def planned(url: str, role: str, text: str) -> tuple[float, float, str]:
    """Have a tenant's backend plan a text: its memory in MB, the seconds, and its error."""
    with psycopg.connect(url) as connection:
        connection.execute(
            f"set statement_timeout = '{_PATIENCE}s'; set search_path = retail, public"
        )
        connection.execute(f"set role {role}; set cursor_tuple_fraction = 1")
        begun, error = time.monotonic(), ""
        try:
            connection.execute(f"declare c cursor for select * from ({text}) q limit 101")
        except psycopg.Error as caught:
            error = str(caught).splitlines()[0]
        status = Path(f"/proc/{connection.info.backend_pid}/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024, time.monotonic() - begun, error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of an administrator who may plan as the role")
    parser.add_argument("--role", default="store_manager")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=100)
    given = parser.parse_args()
    show = Console(soft_wrap=True, markup=False, highlight=False).print
    outcomes: Counter[str] = Counter()
    worst = slowest = 0.0
    for number in range(given.samples):
        for text in Sample.of(given.seed, number).largest():
            memory, seconds, error = planned(given.url, given.role, text)
            worst, slowest = max(worst, memory), max(slowest, seconds)
            outcomes[error.partition('"')[0] or "planned"] += 1
            if memory > MOST or seconds > SLOW:
                show(f"sample {number}: {memory:.0f} MB, {seconds:.1f} s: {text}")
    for outcome, times in outcomes.most_common():
        show(f"{times:7,} {outcome}")
    show(f"at most {worst:.0f} MB and {slowest:.1f} s")


if __name__ == "__main__":
    main()
