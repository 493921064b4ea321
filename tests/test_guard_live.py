"""What the guard lets through, PostgreSQL runs: wrapped, in the session of a tenant."""

from __future__ import annotations

from pathlib import Path

import guard_lists
import pytest
import tenants
from guard_growth import MOST, Sample, planned

from zava_sql.agent import Agent, fetch
from zava_sql.errors import DatabaseError, QueryRefused
from zava_sql.guard import Guard
from zava_sql.result import Result

pytestmark = pytest.mark.anyio


async def test_every_allowed_text_runs_as_a_tenant(seeded_database) -> None:
    guard = Guard({"whoami", "describe_schema"})
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        for sql in guard_lists.allowed():
            result = await fetch(database, principal, guard.check(sql).canonical, 50)
            assert isinstance(result, Result), sql


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_the_largest_texts_are_planned_in_little_memory(seeded_database) -> None:
    planned_texts = 0
    for number in range(5):
        for text in Sample.of(20261130, number).largest():
            memory, _seconds, error = planned(seeded_database.admin_url, "store_manager", text)
            assert memory < MOST, text
            planned_texts += not error
    assert planned_texts > 20


async def test_a_position_of_the_server_is_one_in_the_callers_text(seeded_database) -> None:
    sql = "select name, /* no such */ \n  nosuch from retail.stores"
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        with pytest.raises(DatabaseError) as caught:
            await Agent(database).query(principal, sql)
    assert caught.value.position == sql.index("nosuch") + 1


async def test_a_relation_may_be_named_with_its_database(seeded_database) -> None:
    database_name = f'"{seeded_database.dbname}"'
    guard = Guard()
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        for name in ('"retail"."stores"', "api.sale_lines"):
            texts = [f"select count(*) from {before}{name}" for before in ("", f"{database_name}.")]
            own, whole = [
                await fetch(database, principal, guard.check(text).canonical, 5) for text in texts
            ]
            assert whole.rows == own.rows != [(0,)]


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select * from db.retail.orders", "Leave the database out"),
        ("select nosuch from stores", "Columns of stores: store_id, store_key"),
        ("select oder_date from orders", 'the column "orders.order_date"'),
        ('select name from products where name = "Hammer"', "single quotes"),
        ('select name from products where name = "names"', "single quotes"),
        ("select * from retail.order", "describe_schema"),
        ("select o.name from stores as s", "alias"),
        ("select round(1.5::float8, 1)", "round(x::numeric, 2)"),
        ("select date_trunc(order_date, 'month') from orders", "unit comes first"),
        ("select trunc(order_date, 'MM') from orders", "date_trunc('month', x)"),
        ("select extract(weekday from order_date) from orders", "isodow"),
        (
            "select string_agg(status, ',') within group (order by status) from orders",
            "string_agg(x::text, ',' order by x)",
        ),
        ("select percentile_cont(0.5, total_amount) over () from orders", "within group (order"),
        ("select mode() within group (order by status) over () from orders", "inner query"),
        ("select count(distinct status) over () from orders", "inner query"),
        ("select sum(name) from stores", "cast"),
        ("select date_trunc(month, order_date) from orders", "date_trunc('month', x)"),
        ("select date_trunc(o.order_date, week) from orders o", "date_trunc('month', x)"),
        ("select city from stores where month = 3", "Columns of stores"),
        ("select name from stores where name = @name", "Variables"),
        ("select name from stores where name like any ('a%')", "array['a', 'b']"),
        ("select search_words.a from products", "x ->> 'key'"),
        ("select (to_json(1))::int", "(x ->> 'key')::int"),
        ("select is_online::bigint from stores", "x::int"),
        ("select * from orders where customer_id = 5", "look them up by name or key"),
        ("select * from orders where total_amount = true", "type of the other"),
        ("select api.whoami(1)", "Call it as api.whoami()"),
        ("select extract(month from '2024-01-01')", "date '2024-01-01'"),
        ("select 1 where now() > 'last month'", "interval '1 month'"),
        ("select '2024-02-30'::date", "of the calendar"),
        ("select 1 where count(*) > 1", "HAVING"),
        (
            "select status, count(*) as n from orders group by 1 having n > 1",
            "in ORDER BY know no alias",
        ),
        ("select extract(day from max(order_date)::date - date '2024-01-01') from orders", "days"),
        ("select date_part('day', max(order_date)::date - current_date) from orders", "days"),
        ("select name + ' ' + city from stores", "with ||"),
        ("select 'shop ' + name from stores", "with ||"),
        ("select name from stores where is_online && (tax_rate > 0)", "Use AND"),
        ("select name from stores where is_online || (tax_rate > 0)", "Use OR"),
        (
            "select name from stores where rank() over () = 1",
            "inner",
        ),
        ("select (select n from generate_series(1, 2) n)", "one row"),
        ("select 1 union select 1, 2", "as many columns"),
        ("select distinct name from stores order by city", "Select what is ordered by"),
        ("select order_id from orders, order_items", "orders.order_id"),
        ("select 1 / 0", "nullif"),
        ("select 1 from orders where status in (select name, city from stores)", "one column"),
        ("select name from stores where name like any ('a', 'b')", "any (array['a', 'b'])"),
        ("select 1 from orders o left join stores s where true", "ON or USING"),
        ("select 1 from orders o left join stores s", "ON or USING"),
        ("select 1 from orders o, stores s on true", "behind a JOIN"),
        ('select name collate "en_US.utf9" from stores', 'collate "C"'),
        ("select 1 from stores where (city, name) = ('a')", "(a, b) = (1, 2)"),
        ("select 2000000000 + 2000000000", "x::numeric"),
        ("select order_date at time zone 'Mars' from orders", "'America/Los_Angeles'"),
        ("select generate_series(date '2026-01-01', date '2026-02-01')", "interval '1 day'"),
        ("select sum(is_online) from stores", "count(*) filter (where x)"),
        ("select avg(is_online) from stores", "avg(x::int)"),
        ("select max(is_online), 1 from stores", "bool_or(x)"),
        ("select min(is_online), 1 from stores", "bool_and(x)"),
        ("select name from stores where is_online = 1", "Write x, or not x"),
        ("select left(order_date, 7) from orders", "numeric or text"),
        ("select now() from dual", "Leave FROM out"),
        ("select name from stores where rownum <= 5", "LIMIT"),
        ("select x.trigger from unnest(array['a']) x", "::text"),
        ("select date_add(date '2026-01-01', 30)", "x + interval '7 days'"),
        ("select to_date(order_date, 'YYYY') from orders", "x::date"),
        ("select sysdate - 1 from orders", "now()"),
        ("select coalesce(customer_id, 'guest') from orders", "x::text"),
        ("select order_id from orders where order_id like 'a%'", "x::text"),
        ("select 1 from orders where order_date like '2026-06%'", "to_char(x, 'YYYY-MM')"),
        ("select 1 from stores where opened_on ~ '2026'", "x >= date '2024-12-01'"),
        ("select name ->> 'x' from stores", "x::jsonb ->> 'key'"),
        ("select name[1] from stores", "(string_to_array(x, ','))[1]"),
        ("select current_date - interval '1 quarter'", "interval '7 days', '2 hours', '3 months'"),
        ("select mode(status) from orders", "mode() within group (order by x)"),
        ("select rank() filter (where true) over () from orders", "Filter in an inner query"),
        ("select percentile_cont(50) within group (order by tax_rate) from stores", "0 to 1"),
        ("select 1 from orders where now() - order_date > 30", "x > interval '30 days'"),
        ("select tax_rate * 2 as twice, twice + 1 from stores", "in ORDER BY know no alias"),
        ("select 1 from orders where status = completed", "in single quotes. Columns of orders"),
        ("select json_object('name', name) from stores", "json_build_object('a', 1"),
        ("select 'a' + 'b'", "with ||"),
        ("select name from stores where 0 < tax_rate < 1", "1 < x and x < 5"),
        ("select name from stores where city = 'a' || tax_rate > 0", "1 < x and x < 5"),
        ("select array_agg(name) within group (order by city) from stores", "x order by y"),
        (
            "select string_agg(distinct name, ',' order by city) from stores",
            "string_agg(distinct x::text, ',' order by x::text)",
        ),
    ],
)
async def test_an_error_of_the_server_says_what_to_write(seeded_database, sql, hint) -> None:
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        with pytest.raises(DatabaseError) as caught:
            await Agent(database).query(principal, sql)
    assert hint in caught.value.hint


# What a model sends, a part of the hint, what it writes then, and the answer.
FOLLOWED = [
    ("select max_by(a, b) from (values ('x', 1), ('y', 2)) v (a, b)",
     "(array_agg(x order by y desc))[1]",
     "select (array_agg(a order by b desc))[1] from (values ('x', 1), ('y', 2)) v (a, b)", "y"),
    ("select months_between(date '2024-03-15', date '2023-01-10')",
     "extract(year from age(a, b)) * 12 + extract(month from age(a, b))",
     (
         "select extract(year from age(a, b)) * 12 + extract(month from age(a, b)) "
         "from (select date '2024-03-15' as a, date '2023-01-10' as b) t"
     ), "14"),
    ("select datetime_diff(timestamp '2024-01-02', timestamp '2024-01-01', hour)",
     "extract(epoch from a - b)",
     "select extract(epoch from date '2024-01-02' - timestamp '2024-01-01')::int / 3600", "24"),
    ("select factorial(5)", "(select round(exp(sum(ln(n)))) from generate_series(1, x) as n)",
     "select (select round(exp(sum(ln(n)))) from generate_series(1, 5) as n)", "120"),
    ("select product(x) from (values (2), (3)) v (x)", "exp(sum(ln(x)))",
     "select round(exp(sum(ln(x)))) from (values (2), (3)) v (x)", "6"),
    ("select quantile_cont(x, 0.5) from (values (1), (3)) v (x)",
     "percentile_cont(0.5) within group (order by x)",
     "select percentile_cont(0.5) within group (order by x) from (values (1), (3)) v (x)", "2"),
    ("select decode(a, 1, 'one', 'more') from (select 1 as a) t",
     "case x when a then b else c end",
     "select case a when 1 then 'one' else 'more' end from (select 1 as a) t", "one"),
    ("select pg_input_is_valid('12', 'integer')", "x ~ '^-?[0-9]+$'",
     "select '12' ~ '^-?[0-9]+$'", "True"),
    ("select pg_column_size(a) from (select 12 as a) t", "octet_length(x::text)",
     "select octet_length(a::text) from (select 12 as a) t", "2"),
    ("select networkdays(date '2024-01-01', date '2024-01-07')",
     "generate_series(a, b, interval '1 day') as d where extract(isodow from d) < 6",
     (
         "select (select count(*) from generate_series(date '2024-01-01', date '2024-01-07', "
         "interval '1 day') as d where extract(isodow from d) < 6)"
     ), "5"),
    ("select timestampdiff(month, date '2024-01-10', date '2024-03-15')",
     "extract(year from age(a, b)) * 12 + extract(month from age(a, b)) for months",
     (
         "select extract(year from age(a, b)) * 12 + extract(month from age(a, b)) "
         "from (select date '2024-03-15' as a, date '2024-01-10' as b) t"
     ), "2"),
    ("select split('a,b', ',')[1]",
     "split_part(x, ',', n), n from 1, or (string_to_array(x, ','))[n]",
     "select split_part('a,b', ',', 2) || (string_to_array('a,b', ','))[1]", "ba"),
    ("select count(*) from unnest(sequence(1, 5)) as t (x)", "in FROM, without unnest()",
     "select count(*) from generate_series(1, 5, 1) as t (x)", "5"),
    ("select argMaxIf(a, b, a > 1) from (values (2, 3)) v (a, b)",
     "(array_agg(x order by y desc) filter (where condition))[1]",
     "select (array_agg(a order by b desc) filter (where a > 1))[1] from (values (2, 3)) v (a, b)",
     "2"),
    ("select last_value(x) ignore nulls over (order by t) from (values (1, 5), (2, null)) v (t, x)",
     "count(x) over (order by t) as n in an inner query, and outside of it max(x) over",
     (
         "select min(y) from (select max(x) over (partition by n) as y from (select x, "
         "count(x) over (order by t) as n from (values (1, 5), (2, null)) v (t, x)) c) m"
     ), "5"),
    ("select format_percent(0.5)", "to_char(100 * x, 'FM990.0') || '%'",
     "select to_char(100 * 0.5, 'FM990.0') || '%'", "50.0%"),
    ("select days_in_month(date '2024-02-10')",
     "extract(day from date_trunc('month', x) + interval '1 month - 1 day')",
     (
         "select extract(day from date_trunc('month', date '2024-02-10') "
         "+ interval '1 month - 1 day')"
     ), "29"),
    ("select datename(month, date '2024-02-10') + year(date '2024-02-10')",
     "For year(): Use extract(year from x).",
     "select to_char(date '2024-02-10', 'FMMonth') || extract(year from date '2024-02-10')",
     "February2024"),
    ("select locf(x) over (order by t) from (values (1, 5), (2, null)) v (t, x)",
     "count(x) over (order by t) as n, and outside of it max(x) over (partition by n)",
     (
         "select min(y) from (select max(x) over (partition by n) as y from (select x, "
         "count(x) over (order by t) as n from (values (1, 5), (2, null)) v (t, x)) c) m"
     ), "5"),
    ("select array_filter(array[1, 2], 2)",
     "array(select x from unnest(a) as x where x > 1)",
     "select array(select x from unnest(array[1, 2]) as x where x > 1)::text", "{2}"),
    ("select regexp_split('a,b', ',')", "regexp_split_to_array(x, 'pattern')",
     "select regexp_split_to_array('a,b', ',')::text", "{a,b}"),
    ("select ts_stat('select search_words from products')",
     "unnest(x) as t (lexeme, positions, weights) in FROM",
     (
         "select count(*) from unnest(to_tsvector('english', 'a saw')) "
         "as t (lexeme, positions, weights) group by lexeme"
     ), "1"),
    ("select find_in_set('b', 'a,b')", "x = any (string_to_array(list, ','))",
     "select 'b' = any (string_to_array('a,b', ','))", "True"),
    ("select patindex('b', 'abc')", "regexp_instr(x, 'pattern')",
     "select regexp_instr('abc', 'b')", "2"),
    ("select string_split('a,b', ',')", "string_to_table(x, ',') in FROM",
     "select count(*) from string_to_table('a,b', ',') x", "2"),
    ("select regexp_extract_all('a1b2', '[0-9]')", "regexp_matches(x, 'pattern', 'g') in FROM",
     "select count(*) from regexp_matches('a1b2', '[0-9]', 'g') x", "2"),
    ("select array_distinct(array[1, 1])", "array(select distinct unnest(a))",
     "select array(select distinct unnest(array[1, 1]))::text", "{1}"),
    ("select time_bucket('1 hour', timestamp '2024-01-01 10:20')",
     "date_bin('1 hour', x, '2000-01-01')",
     "select date_bin('1 hour', timestamp '2024-01-01 10:20', '2000-01-01')::text",
     "2024-01-01 10:00:00"),
    ("select yearweek(date '2024-01-01')", "to_char(x, 'IYYY-IW')",
     "select to_char(date '2024-01-01', 'IYYY-IW')", "2024-01"),
    ("select sha1('a')", "encode(sha256(x::bytea), 'hex')",
     "select left(encode(sha256('a'::bytea), 'hex'), 4)", "ca97"),
    ("select to_json_string(array[1])", "to_jsonb(x)::text",
     "select to_jsonb(array[1])::text", "[1]"),
    ("select count(distinct a, b) from (values (1, 2)) v (a, b)", "count(distinct (a, b))",
     "select count(distinct (a, b)) from (values (1, 2)) v (a, b)", "1"),
    ("select string_agg(x) from (values (1), (2)) v (x)", "string_agg(x::text, ',' order by x)",
     "select string_agg(x::text, ',' order by x) from (values (1), (2)) v (x)", "1,2"),
    ("select array_length(array[1, 2])", "cardinality(array)",
     "select cardinality(array[1, 2])", "2"),
    ("select date(2024, 1, 31)", "make_date(year, month, day)",
     "select make_date(2024, 1, 31)::text", "2024-01-31"),
    ("select format(date '2024-01-31', 'yyyy-MM')", "to_char(x, 'YYYY-MM')",
     "select to_char(date '2024-01-31', 'YYYY-MM')", "2024-01"),
    ("select jsonb_to_recordset('[{\"a\": 1}]')",
     "in FROM, with its columns: jsonb_to_recordset(x) as t (a int, b text)",
     "select a from jsonb_to_recordset('[{\"a\": 1}]') as t (a int, b text)", "1"),
    ("select json_populate_record(null, '{\"a\": 1}')",
     "json_to_record(x) as t (a int, b text)",
     "select a from json_to_record('{\"a\": 1}') as t (a int, b text)", "1"),
    ("select a, count(*) from (values (1)) v (a) group by a with rollup", "GROUP BY ROLLUP (a, b)",
     "select sum(count(*)) over () from (values (1)) v (a) group by rollup (a)", "2"),
    ("select * from (values (1, 'x')) v (a, b) pivot (sum(a) for b in ('x'))",
     "sum(x) filter (where ...)",
     "select sum(a) filter (where b = 'x') from (values (1, 'x')) v (a, b)", "1"),
    ("select a from (values (1, 2)) v (a, b) unpivot (x for y in (a, b))",
     "CROSS JOIN LATERAL (VALUES ('a', a), ('b', b)) as v (name, value)",
     (
         "select sum(value) from (values (1, 2)) t (a, b) "
         "cross join lateral (values ('a', a), ('b', b)) as v (name, value)"
     ), "3"),
    ("select t.pg_total from (select 1 as pg_total) t", "without its table",
     "select pg_total from (select 1 as pg_total) t", "1"),
    ("select 1 as 'Total'", 'as "Total"', 'select 1 as "Total"', "1"),
    ("select current_user", "select * from api.whoami()",
     "select w.principal from api.whoami() w", "seattle"),
    ("select v.x from (values " + ", ".join(f"('a', {i})" for i in range(600)) + ") v (y, x)",
     "unnest('{a,b}'::text[], '{1,2}'::int[]) as t (x, y)",
     "select max(y) from unnest('{a,b}'::text[], '{1,2}'::int[]) as t (x, y)", "2"),
]  # fmt: skip


async def test_who_follows_a_hint_gets_the_answer(seeded_database) -> None:
    async with tenants.opened(seeded_database) as database:
        principal = (await tenants.principals(database, ["seattle"]))["seattle"]
        agent = Agent(database)
        for sql, hint, repaired, answer in FOLLOWED:
            with pytest.raises(QueryRefused) as caught:
                agent.guard.check(sql)
            assert hint in caught.value.hint, sql
            result = await agent.query(principal, repaired)
            assert f"{result.rows[0][0]}".removesuffix(".0") == answer, repaired
