"""What a search finds far from the question: under filters, and in a store's own index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    import conftest

pytestmark = pytest.mark.once

# Vectors of 64 numbers in 40 clusters. The first 10 are a category of their own, and cost less.
FILL = """
insert into retail.categories (name) values ('Some'), ('Others');
insert into retail.product_types (category_id, name)
select category_id, name from retail.categories;
insert into retail.products (sku, name, description, category_id, type_id, list_price)
select n, 'Thing ' || n, 'x', category_id, type_id, 10
from generate_series(1, 6800) as n
join retail.product_types on name = case when n % 40 < 10 then 'Some' else 'Others' end;
select zava.add_embedding_model('fixed', 64);
insert into retail.product_embeddings (model_id, product_id, content_hash, embedding)
select m.model_id, p.product_id, p.content_hash, (
    select public.l2_normalize(array_agg(
        ('x' || substr(md5(p.sku::integer % 40 || ' ' || d), 1, 6))::bit(24)::integer / 8e6 - 1
        + (('x' || substr(md5(p.sku || ' ' || d), 1, 6))::bit(24)::integer / 8e6 - 1) / 2
        order by d
    )::real[]::public.vector)::public.halfvec
    from generate_series(1, 64) as d
)
from retail.products as p cross join retail.embedding_models as m;
select zava.index_embedding_model('fixed');
select zava.activate_embedding_model('fixed');
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
select 'share_' || n, 'S', 'Seattle', 0.1, '2020-01-01' from unnest(array[45, 100]) as n;
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
select s.store_id, p.product_id, 10 + p.sku::integer % 40, 5, 1
from retail.stores as s
join retail.products as p
    on ('x' || substr(md5(s.store_key || p.sku), 1, 4))::bit(16)::integer % 100
        < substr(s.store_key, 7)::integer;
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
values ('some', 'S', 'Seattle', 0.1, '2020-01-01');
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
select s.store_id, p.product_id, 10, 5, 1
from retail.stores as s, retail.products as p
where s.store_key = 'some' and p.sku::integer % 40 < 10;
select zava.create_principal(translate(store_key, '_', '-'), 'store', array[store_key])
from retail.stores;
select zava.create_principal('head', 'head');
select count(*) from zava.check_search_recall(10);
select zava.refresh_search_words();
analyze;
"""
FARAWAY = """
select e.embedding::public.vector
from retail.product_embeddings as e join retail.products as p on p.product_id = e.product_id
where mod(p.sku::integer, 40) >= 10
order by md5(p.sku) limit 20
"""
# Between three products: next to none of them.
BETWEEN = """
select public.l2_normalize(sum(e.embedding::public.vector))
from (
    select e.embedding, row_number() over (order by md5(p.sku)) / 3 as part
    from retail.product_embeddings as e join retail.products as p on p.product_id = e.product_id
    limit 180
) as e
group by e.part
"""
RECALL = """
with asked (v) as materialized ({asked})
select avg((
    select count(*)
    from api._found_products(a.v, null, {filters}, false, 10) as n
    where n.product_id = any (array(
        select e.product_id
        from retail.product_embeddings as e
        where e.product_id = any (api._sold_products({filters}, false, 6800))
        order by (e.embedding operator(public.<#>) a.v::public.halfvec) + 0
        limit 10
    ))
)) / 10 as recall
from asked as a
"""

SCANS = """
select sum(s.seq_tup_read) as rows
from pg_stat_xact_user_tables as s where s.relname like 'product\\_embeddings\\_%%'
"""


@pytest.fixture(scope="module")
def filled(module_database: conftest.Database) -> Iterator[conftest.Database]:
    with psycopg.connect(module_database.admin_url, autocommit=True) as connection:
        connection.execute(FILL)
        while connection.execute("select zava.index_search_assortments()").fetchone() == (True,):
            pass
    return module_database


@pytest.mark.long
@pytest.mark.parametrize("principal", ["share-100", "head"])
@pytest.mark.parametrize(
    "filters",
    [
        "(select category_id from retail.categories where name = 'Some'), null, null",
        "null, null, 19",
        "null, 5, 18",
    ],
)
def test_what_filters_leave_is_found_however_far_it_is(filled, principal, filters):
    with reports.as_tenant(filled, principal) as connection:
        (row,) = reports.ask(connection, RECALL.format(asked=FARAWAY, filters=filters))
    assert row["recall"] >= 0.99, row


@pytest.mark.long
@pytest.mark.parametrize("principal", ["some", "share-45", "share-100", "head"])
@pytest.mark.parametrize("category", ["Some", "Others"])
def test_what_filters_leave_is_the_same_by_store_and_by_product(filled, principal, category):
    # "some" sells few: its products are read by store. Those of the others by category.
    with reports.as_tenant(filled, principal) as connection:
        (row,) = reports.ask(
            connection,
            """
            select array_agg(p.product_id order by p.product_id) as products,
                array(
                    select u.product_id
                    from unnest(api._sold_products(c.category_id, 9, 30, true, 6800))
                        as u (product_id)
                    order by u.product_id
                ) as found
            from retail.categories as c
            left join retail.products as p on p.category_id = c.category_id
                and exists (
                    select from retail.inventory as i
                    where i.product_id = p.product_id and i.price between 9 and 30
                        and i.stock_level > 0
                )
            where c.name = %s
            group by c.category_id
            """,
            category,
        )
    assert row["found"] == [product for product in row["products"] if product is not None]
    assert (row["found"] == []) == (principal == "some" and category == "Others")


@pytest.mark.long
def test_what_a_store_sells_is_found_where_all_of_it_is_far(filled):
    # Of twenty questions one that misses three products would decide.
    asked = FARAWAY.replace("limit 20", "limit 300")
    with reports.as_tenant(filled, "some") as connection:
        (row,) = reports.ask(connection, RECALL.format(asked=asked, filters="null, null, null"))
    assert row["recall"] >= 0.99, row


@pytest.mark.long
def test_a_store_s_own_index_finds_what_is_near_to_no_product(filled):
    with psycopg.connect(filled.admin_url) as connection:
        indexed = connection.execute(
            "select t.indexed from retail.search_stores as t"
            " join retail.stores as s on s.store_id = t.store_id where s.store_key = 'share_45'"
        ).fetchone()
    assert indexed == (True,)
    with reports.as_tenant(filled, "share-45") as connection:
        (row,) = reports.ask(connection, RECALL.format(asked=BETWEEN, filters="null, null, null"))
    assert row["recall"] >= 0.99, row


@pytest.mark.long
def test_what_a_price_leaves_is_looked_up_product_by_product(filled):
    # Joined, each product on the way would be compared with all that the price leaves.
    with reports.as_tenant(filled, "head") as connection:
        connection.execute("begin")
        found = reports.ask(
            connection,
            "select f.product_id from"
            f" api._index_products(({FARAWAY.replace('20', '1')}), null, 20, 30, false, 10) as f",
        )
        connection.execute("reset role")
        (row,) = reports.ask(
            connection,
            "select seq_scan from pg_stat_xact_user_tables where relname = 'inventory'",
        )
    assert len(found) == 10
    assert row["seq_scan"] == 0


@pytest.mark.long
def test_a_word_of_many_products_does_not_crowd_out_one_of_few(filled):
    with reports.as_tenant(filled, "share-100") as connection:
        rows = reports.ask(
            connection,
            "select n, p.sku from generate_series(0, 6800, 400) as n, lateral ("
            " select * from api._matching_products("
            "  'thing ' || n + 50, null, null, 5, null, false, 1)"
            ") as m join retail.products as p on p.product_id = m.product_id"
            " where n + 50 <= 6800",
        )
    assert [row["sku"] for row in rows] == [str(row["n"] + 50) for row in rows]
    assert len(rows) == 17


@pytest.mark.long
def test_what_many_mention_is_found_first_where_it_is_the_name(filled):
    # 12 products have the word in their names, and lie behind 6,000 others that have it as well.
    with (
        reports.as_tenant(filled, "head") as connection,
        connection.transaction(force_rollback=True),
    ):
        (role,) = reports.ask(connection, "select current_user as name")
        connection.execute("reset role")
        connection.execute(
            "update retail.products set description = 'for a mirror' where sku::integer <= 6000"
        )
        connection.execute(
            "update retail.products set name = 'Mirror ' || sku where sku::integer > 6788"
        )
        connection.execute(f"set local role {role['name']}")
        rows = reports.ask(
            connection,
            "select product from api.search_products('mirror', p_min_price => 5, p_limit => 12)",
        )
    assert [row["product"][:6] for row in rows] == ["Mirror"] * 12


@pytest.mark.long
def test_what_is_gone_from_the_index_of_all_leaves_no_gap(filled):
    # What was nearest has gone elsewhere, and the index still leads to where it was.
    near = (
        "select e.product_id from retail.product_embeddings as e"
        " order by e.embedding operator(public.<#>) %s::public.halfvec, e.product_id"
    )
    with (
        reports.as_tenant(filled, "head") as connection,
        connection.transaction(force_rollback=True),
    ):
        (role,) = reports.ask(connection, "select current_user as name")
        connection.execute("reset role")
        (asked,) = reports.ask(
            connection, "select embedding::text as v from retail.product_embeddings limit 1"
        )
        connection.execute("set local enable_indexscan = off")
        reports.ask(
            connection,
            "update retail.product_embeddings set embedding ="
            " embedding operator(public.*) array_fill(-1, array[64])::public.halfvec"
            f" where product_id in ({near} limit 200) returning 1",
            asked["v"],
        )
        nearest = reports.ask(connection, f"{near} limit 10", asked["v"])
        connection.execute("set local enable_indexscan = on")
        connection.execute(f"set local role {role['name']}")
        found = reports.ask(
            connection,
            "select product_id from api._found_products("
            "%s::public.vector, null, null, null, null, false, 10)",
            asked["v"],
        )
    assert len({row["product_id"] for row in found + nearest}) <= 11
    assert len(found) == 10


@pytest.mark.long
@pytest.mark.parametrize("models", [1, 2])
def test_an_index_of_all_is_followed_while_another_model_is_being_filled(filled, models):
    with (
        reports.as_tenant(filled, "head") as connection,
        connection.transaction(force_rollback=True),
    ):
        (role,) = reports.ask(connection, "select current_user as name")
        connection.execute("reset role")
        connection.execute("select zava.add_embedding_model('wide', 384)")
        connection.execute(
            "insert into retail.product_embeddings"
            " (model_id, product_id, content_hash, embedding)"
            " select m.model_id, e.product_id, e.content_hash,"
            "  public.l2_normalize(array_cat(e.embedding::real[], array_fill(0::real, array[320]))"
            "   ::public.halfvec)"
            " from retail.product_embeddings as e, retail.embedding_models as m"
            " where m.name = 'wide' order by e.product_id limit 2000"
        )
        connection.execute("select zava.index_embedding_model('wide')")
        for state, name in (("building", "fixed"), ("live", "wide")):
            connection.execute(
                "update retail.embedding_models set state = %s where name = %s", [state, name]
            )
        connection.execute("select zava.retire_embedding_model('fixed')")
        if models == 2:
            connection.execute("select zava.add_embedding_model('next', 768)")
        connection.execute("analyze retail.product_embeddings")
        connection.execute(f"set local role {role['name']}")
        before = reports.ask(connection, SCANS)
        found = reports.ask(
            connection,
            "select * from api._index_all(array_fill(0.1, array[384])::public.vector, 10)",
        )
        assert len(found) == 10
        assert reports.ask(connection, SCANS) == before


@pytest.mark.long
def test_a_store_whose_index_is_not_built_yet_misses_nothing(filled):
    with psycopg.connect(filled.admin_url, autocommit=True) as connection:
        # As after a change of the model: the index of all finds too little of what lies together.
        before = connection.execute("select store_id, indexed from retail.search_stores").fetchall()
        connection.execute("update retail.search_stores set indexed = null")
        try:
            with reports.as_tenant(filled, "some") as tenant:
                (row,) = reports.ask(
                    tenant, RECALL.format(asked=FARAWAY, filters="null, null, null")
                )
        finally:
            for store, indexed in before:
                connection.execute(
                    "update retail.search_stores set indexed = %s where store_id = %s",
                    [indexed, store],
                )
    assert row["recall"] >= 0.99, row
