"""Search as stores with marked rows: nobody is shown a price, stock or assortment of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
import reports
import tenants

from zava_sql.agent import Agent, fetch
from zava_sql.errors import AccessDenied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import conftest

pytestmark = pytest.mark.anyio

# Each store sells the first 20 + 7n of 200 products, at prices and with a stock that bear its mark.
VECTOR = "'[1,0,0]'"
ALL = "null, null, null, false"
# Of strangers as well, as whoever knows their ids could ask.
ALL_STORES = f"array{[str(tenants.store_id(store)) for store in tenants.STORES]}::uuid[]"
MODEL = "(select m.model_id from retail.embedding_models as m)"
SOLD = "(select bit_or(s.sold) from retail.search_stores as s)"
CALLS = [
    f"api.search_products('hammer', {VECTOR}, p_limit => 100)",
    f"api.search_products('hammer 199', {VECTOR}, p_limit => 100)",
    "api.search_products('drives nails', p_limit => 100)",
    f"api.search_products('x', {VECTOR}, p_min_price => 81000, p_in_stock => true, p_limit => 100)",
    "api.similar_products('sku1', p_limit => 100)",
    "api.cross_sell('sku1', p_min_orders => 1, p_limit => 100)",
    "api.trending_products(p_limit => 100)",
    f"(select distinct product_id from api._found_products({VECTOR}, 'hammer', {ALL}, 200)) as f",
    f"api._nearest_compared({VECTOR}, 8, 200)",
    f"api._matching_copied('hammer', {SOLD}, 200)",
    f"api._nearest_copied({VECTOR}, {MODEL}, {ALL_STORES}, 200)",
    f"api._nearest_copied_100({VECTOR}, {MODEL}, {ALL_STORES}, 200)",
    f"api._nearest_copied_200({VECTOR}, {MODEL}, {ALL_STORES}, 200)",
    f"api._nearest_copied_400({VECTOR}, {MODEL}, {ALL_STORES}, 200)",
    f"api._nearest_copied_1000({VECTOR}, {MODEL}, {ALL_STORES}, 200)",
    "(select * from retail.search_assortments limit 27) as a",
    "(select * from retail.search_stores) as s",
    f"api._nearest_products({VECTOR}, null, null, null, null, false, 200)",
    f"api._nearest_products({VECTOR}, null, null, null, null, false, 200, {SOLD})",
    "api._matching_products('hammer', null, null, null, null, false, 200)",
    "unnest(api._sold_products(null, null, null, false, 100000)) as u (product_id)",
    "api._bought_with((select array_agg(product_id) from retail.products), null, null, null)",
    "retail.products as p cross join lateral api._offer(p.product_id) where price is not null",
]
SEEN = {
    "seattle": ("seattle",),
    "online": ("online",),
    "south-sound": tenants.REGION,
    "head-office": tenants.STORES,
}

EMBED = """
insert into retail.embedding_models (name, dimensions, state) values ('test', 3, 'live');
do $$
declare
    v_model_id smallint := (select model_id from retail.embedding_models);
begin
    execute format(
        'create table retail.product_embeddings_%1$s partition of retail.product_embeddings
        for values in (%1$s)', v_model_id
    );
end $$;
insert into retail.product_embeddings (model_id, product_id, content_hash, embedding)
select m.model_id, p.product_id, p.content_hash,
    format('[%s,%s,0]', cos(n), sin(n))::public.halfvec
from retail.embedding_models as m
cross join (
    select p.*, 0.01 * row_number() over (order by p.sku) as n from retail.products as p
) as p;
select zava.refresh_search_words();
-- Two products an order, so that something is bought together.
update retail.orders set status = 'completed';
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select i.store_id, i.order_id, 2, p.product_id, i.order_date, 1, i.unit_price, i.unit_cost,
    i.unit_price
from retail.order_items as i
join retail.products as p on p.sku = 'sku2'
where i.order_id::text like '%01';
"""


@pytest.fixture(scope="module")
def shops(module_database: conftest.Database) -> tuple[conftest.Database, tenants.Truth]:
    """Fill the eight stores, each product with a vector."""
    truth = tenants.fill(module_database)
    with psycopg.connect(module_database.admin_url) as connection:
        connection.execute(EMBED)
    return module_database, truth


@pytest.fixture(scope="module")
async def database(shops: tuple[conftest.Database, tenants.Truth]) -> AsyncIterator[object]:
    async with tenants.opened(shops[0]) as opened:
        yield opened


def test_who_finds_nothing_is_told_that_meaning_was_not_searched(shops):
    said = []
    with reports.as_tenant(shops[0], "seattle") as connection:
        connection.add_notice_handler(lambda message: said.append(message.message_primary))
        for call in ("'hammer'", f"'qqqq', {VECTOR}, p_max_price => 0", "'qqqq'"):
            rows = reports.ask(connection, f"select sku from api.search_products({call})")
            assert bool(rows) is (call == "'hammer'")
    # PostgreSQL itself speaks of words that say nothing; that reaches no client.
    said = [text for text in said if not text.startswith("text-search query")]
    assert said == ["nothing was found; searched by words only: the text was not embedded"]


def test_what_only_words_have_found_is_compared_where_that_is_asked_for(shops):
    search = f"select sku, similarity from api.search_products('hammer 70', {VECTOR}"
    with reports.as_tenant(shops[0], "head-office") as connection:
        found = {row["sku"]: row["similarity"] for row in reports.ask(connection, f"{search})")}
        rows = reports.ask(connection, f"{search}, p_min_similarity => 0.9)")
    assert found["sku70"] is None
    assert rows
    assert all(row["similarity"] >= 0.9 for row in rows), rows


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("name", SEEN)
async def test_nothing_of_another_store_is_in_any_answer(shops, database, name, guarded):
    _, truth = shops
    own = SEEN[name]
    principal = (await tenants.principals(database, [name]))[name]
    agent = Agent(database)
    agent.allow_functions(set(re.findall(r"api\.(\w+)", " ".join(CALLS))))
    widest = max(truth.rows["inventory", tenants.store_id(store)] for store in own)
    for call in CALLS:
        sql = f"select * from {call}"
        answer = (
            agent.query(principal, sql, max_rows=1000)
            if guarded
            else fetch(database, principal, sql, 1000)
        )
        if len(own) == 1 and ALL_STORES in call:
            # No store follows an index over what several sell.
            with pytest.raises(AccessDenied):
                await answer
            continue
        result = await answer
        text = "\n".join(str(value) for row in result.rows for value in row)
        for store in own:
            stranger = tenants.marks(text, truth, store) - {*own}
            assert not stranger, (call, stranger)
        # Who has several stores is shown what each of them has.
        if call.startswith("api.search_products('hammer',"):
            assert all(re.search(rf"\b{store}\b", text) for store in own), call
        # A list as long as the assortment, and not one product more.
        assert len(result.rows) <= widest, call
        assert result.rows, call
