"""Hints with the names that there are, as far as the caller may use them."""

from __future__ import annotations

import asyncio
from difflib import SequenceMatcher

import psycopg
import pytest
import tenants

from zava_sql.agent import Agent
from zava_sql.errors import DatabaseError
from zava_sql.principals import find_principal
from zava_sql.repairs import COLUMNS

ARRANGED = """
create table retail."Odd, named" (store_id integer, "To tal" integer, secret integer);
grant select (store_id, "To tal") on retail."Odd, named" to store_manager;
create table retail."Ünits" (number integer);
grant select on retail."Ünits" to store_manager;
create table retail.hidden_sales (total integer);
grant select on retail.hidden_sales to head_office;
do $$ begin
    for number in 1 .. 200 loop
        execute format('create table retail.wide_table_%s (x integer)', number);
        execute format('grant select on retail.wide_table_%s to regional_manager', number);
    end loop;
end $$;
create function api.halve(p_x integer, p_by integer default 2) returns integer
    return p_x / p_by;
revoke execute on function api.halve(integer, integer) from public;
grant execute on function api.halve(integer, integer) to store_manager;
create function api.orders(p_x integer) returns integer return p_x;
revoke execute on function api.orders(integer) from public;
grant execute on function api.orders(integer) to store_manager;
create function api.hide(p_x integer) returns integer return p_x;
revoke execute on function api.hide(integer) from public;
grant execute on function api.hide(integer) to head_office;
create function api.widen(ARGUMENTS) returns integer return 1;
revoke execute on function api.widen from public;
grant execute on function api.widen to store_manager;
""".replace("ARGUMENTS", ", ".join(f"p_{number}_{'x' * 50} integer" for number in range(20)))


@pytest.fixture(scope="module")
def hint_of(clone):
    """Ask as Seattle and give the hint of what is said."""
    with clone(seeded=True, hardened=True) as database:
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            connection.execute(ARRANGED)

        def hint(sql, principal="seattle"):
            async def ask():
                async with tenants.opened(database) as opened:
                    who = await find_principal(opened, principal)
                    await Agent(opened).query(who, sql)

            with pytest.raises(DatabaseError) as caught:
                asyncio.run(ask())
            return caught.value.hint

        hint.admin_url = database.admin_url
        hint.database = database
        yield hint


def test_columns_are_those_of_the_tables_in_the_query_that_the_caller_may_read(hint_of):
    hint = hint_of('select o.total from orders as o, "Odd, named"')
    assert hint == (
        'Columns of "Odd, named": store_id, "To tal". Columns of orders: store_id, order_id,'
        " customer_id, order_date, status, payment_method, return_of, total_amount, tax_amount,"
        " created_at, updated_at."
    )
    assert "total is a column of hidden_sales." in hint_of(
        "select total from orders", "head-office"
    )


def test_a_function_and_a_table_of_one_name_are_told_apart(hint_of):
    assert hint_of("select O.total from ORDERS as O").startswith("Columns of orders: store_id, ")
    assert hint_of("select O.total from ORDERS as O").count("Columns of ") == 1
    assert hint_of("select api.orders(1, 2)").startswith("Call it as api.orders(p_x), by name ")


def test_a_function_that_is_asked_as_a_table_is_told_as_one(hint_of):
    for name in ("halve", "retail.halve", "api.halve"):
        hint = hint_of(f"select * from {name}")
        assert hint.startswith("It is a function. Call it as api.halve(p_x, [p_by]), by name ")
    for name, who in (("hide", "seattle"), ("halve", "head-office"), ("widen", "seattle")):
        assert hint_of(f"select * from {name}", who).startswith("Tables: ")


def test_a_misspelt_view_of_api_is_found(hint_of):
    assert hint_of("select * from api.sale_line").startswith("Tables: api.sale_lines, ")


def test_it_is_said_which_table_has_the_column(hint_of):
    hint = hint_of("select orders.city from retail.orders")
    assert hint.startswith("city is a column of customers, stores. Columns of orders: store_id, ")
    # A name in quotes is in the catalogue as it is written.
    assert "column of" not in hint_of('select "City" from orders')
    hint = hint_of('select "To tal" from orders')
    assert 'To tal is a column of "Odd, named".' in hint
    assert "secret is" not in hint_of("select secret from orders")


def test_what_no_column_is_meant_to_be_is_told_as_well(hint_of):
    hint = hint_of('select * from orders where status = "completed"')
    assert hint.startswith("A text stands in single quotes. Columns of orders: ")
    hint = hint_of("select sum(total_amount) as t from orders having t > 5")
    known = "SELECT, WHERE, HAVING and expressions in ORDER BY know no alias: write the expression "
    assert hint.startswith(known)
    hint = hint_of("select row_number() over (order by total) n from orders where n = 1")
    assert hint.startswith(known)
    assert hint_of("select sum(total_amount) t from orders order by t / 2").startswith(known)
    assert "inner query. Columns of orders: " in hint
    assert "alias" not in hint_of("select 1 as tt from orders where t > 5")


def test_tables_are_known_by_their_names_and_not_by_words_in_texts(hint_of):
    inches = """select case status when '2"' then 1 end, total from orders where status = '4"'"""
    assert "Columns of orders: store_id, " in hint_of(inches)
    hint = hint_of("select total from orders as o where status in ('stores', 'a \"customers\"')")
    assert hint.startswith("Columns of orders: ")
    assert hint.count("Columns of ") == 1
    # As PostgreSQL folds them, letters of ASCII alone.
    assert 'Columns of "Ünits": number.' in hint_of("select u.total from Ünits as u")


def test_where_no_table_is_known_the_hint_stays(hint_of):
    hint = hint_of("with a as (select 1 as b) select c from a")
    assert hint.startswith("Names are in describe_schema;")
    assert hint_of('with a as (select 1 as b) select "c" from a') == hint


def test_a_table_is_known_behind_a_thousand_other_names(hint_of):
    others = ", ".join(f"a{number} b{number}" for number in range(560))
    hint = hint_of(f"select total, {others} from orders")
    assert hint.startswith("Columns of orders: ")


def test_where_names_cannot_be_looked_up_the_hint_stays(hint_of):
    rename = "alter function api.{}(text[], text) rename to {}"
    with psycopg.connect(hint_of.admin_url, autocommit=True) as connection:
        connection.execute(rename.format("_list_parts", "_put_away"))
        try:
            assert hint_of("select * from order_lines").startswith("Table names are in ")
        finally:
            connection.execute(rename.format("_put_away", "_list_parts"))


def test_what_postgresql_knows_better_stays(hint_of):
    assert hint_of("select store_ky from stores").startswith("Perhaps you meant ")


def test_tables_like_the_wrong_one_come_first(hint_of):
    hint = hint_of("select * from order_lines")
    assert hint.startswith("Tables: order_items, orders, ")
    assert hint.endswith(", …: see describe_schema.")
    assert hint.count(",") == 12
    hint = hint_of("select * from hidden_sale")
    assert hint.startswith("Tables: daily_sales, ")
    assert "hidden_sales" not in hint
    assert "api.sales_trend" not in hint  # functions are no tables
    assert hint_of("select * from hidden_sale", "head-office").startswith("Tables: hidden_sales, ")


def test_of_hundreds_of_tables_few_are_compared_part_by_part(hint_of, monkeypatch):
    compared = []
    plain = SequenceMatcher.ratio

    def ratio(matcher):
        compared.append(matcher.a)
        return plain(matcher)

    monkeypatch.setattr(SequenceMatcher, "ratio", ratio)
    assert hint_of("select * from tab_wide_117", "puget-sound").startswith(
        "Tables: wide_table_117, "
    )
    assert 12 < len(compared) <= 50


def test_a_call_is_shown_as_it_is_to_be(hint_of):
    said = ", by name with =>; in [] is what may be left out."
    assert hint_of("select api.halve(by => 2)") == f"Call it as api.halve(p_x, [p_by]){said}"
    assert hint_of("select api.hide('a', 1)").startswith("describe_schema lists them")
    assert hint_of("select api.widen()").startswith("describe_schema lists them")
    assert hint_of("select api.hide('a', 1)", "head-office") == f"Call it as api.hide(p_x){said}"


def test_a_hint_has_an_end(hint_of):
    tables = "customers, products, orders, order_items, inventory, stores, product_types"
    hint = hint_of(f"select nothing_of_all from {tables}")
    assert 500 < len(hint) <= 1_000
    assert all(part.endswith(".") for part in hint.split(" Columns of "))


@pytest.mark.anyio
async def test_an_error_does_not_wait_long_for_its_hint(hint_of):
    long = ", ".join(f"order_items as o{number}" for number in range(6))
    async with tenants.opened(
        hint_of.database, pool_min=1, pool_max=1, pool_timeout=60, statement_timeout=20
    ) as opened:
        who = await find_principal(opened, "seattle")
        agent = Agent(opened)
        wrong = asyncio.create_task(agent.query(who, "select nothing from orders"))
        other = asyncio.create_task(agent.query(who, f"select count(*) from {long}"))
        done, running = await asyncio.wait({wrong, other}, return_when=asyncio.FIRST_COMPLETED)
        other.cancel()
        assert (done, running) == ({wrong}, {other})
        with pytest.raises(DatabaseError, match="nothing") as caught:
            await wrong
        assert caught.value.hint == COLUMNS
