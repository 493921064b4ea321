-- 0027 search effort.
set local lock_timeout = '3s';
set local role zava_owner;

-- PostgreSQL lets a function set hnsw.* only once the extension's library is loaded, which the first
-- vector of a session does; and the extension's types must be found by their names alone.
do $vectors$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    execute format('set local search_path = public, %I', v_schema);
    execute format('select %L::%I.vector', '[1]', v_schema);
end
$vectors$;

-- 120 to 200 was too far a step: to find a little more took twice as long.
alter table retail.search_recall
    -- squawk-ignore ban-drop-constraint
    drop constraint search_recall_ef_search_check;
update retail.search_recall as r set ef_search = 150 where r.ef_search = 120;
alter table retail.search_recall
    -- squawk-ignore constraint-missing-not-valid
    add constraint search_recall_ef_search_check check (ef_search in (100, 150, 200, 400));

-- sources begin (written by scripts/freeze up to the end mark)

revoke execute on function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;

-- removed: db/functions/search/_index_products_120.sql

-- source: db/functions/search/_index_products_150.sql
-- api._index_products_150(): api._index_products() with hnsw.ef_search = 150, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_150(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 150
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with a little more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_products.sql
-- api._nearest_products(): the products whose vectors are nearest to one. Not a tool.
-- Few products are compared one by one: exact. Among many the index is followed, with the ef_search
-- that zava.check_search_recall() has found to be enough for it.
create or replace function api._nearest_products(
    p_embedding vector,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_model record;
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
begin
    select m.model_id, r.ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, v_unit) as similarity
        from unnest(p_products) as u (product_id)
        cross join lateral (
            select v.product_id, v.embedding
            from retail.product_embeddings as v
            where v.model_id = v_model.model_id and v.product_id = u.product_id
            offset 0
        ) as e
        order by similarity desc, e.product_id
        limit p_limit;
    elsif v_model.ef_search = 400 then
        return query
        select n.product_id, n.similarity
        from api._index_products_400(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 200 then
        return query
        select n.product_id, n.similarity
        from api._index_products_200(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 150 then
        return query
        select n.product_id, n.similarity
        from api._index_products_150(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    end if;
end;
$function$;

comment on function
    api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products by the similarity of their vectors to one, the nearest first.

p_embedding: the vector, of length 1 and of the live model
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold; null to look it up';
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 100, 150, 200 and 400 that finds 99 of 100, or the most
-- if none does. Search uses it from then on. Run by the administrator after an index was built; not a
-- tool. Reads every vector as often as the sample is large.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy.
create or replace function zava.check_search_recall(
    p_sample integer default 50
)
returns table (model text, ef_search integer, recall numeric, advice text)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set hnsw.iterative_scan = off
as $function$
declare
    v_model record;
    v_ef_search integer;
    v_recall numeric;
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    if p_sample is null or p_sample not between 1 and 1000 then
        raise exception 'p_sample out of range: %', coalesce(p_sample::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use a number from 1 to 1000.';
    end if;

    for v_model in
        select m.model_id, m.name, m.dimensions
        from retail.embedding_models as m
        where m.state <> 'retired'
            and to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null
        order by m.model_id
    loop
        recall := null;
        foreach v_ef_search in array array[100, 150, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', v_ef_search);
            execute format(
                'with sample as materialized (
                    select e.embedding, lead(e.embedding) over (order by e.place) as other
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %2$s
                        order by place
                        limit $1 + 1
                    ) as e
                ),
                asked as materialized (
                    select %1$I.l2_normalize(
                        s.embedding operator(%1$I.+) s.embedding operator(%1$I.+) s.other
                    ) as v
                    from sample as s
                    where s.other is not null
                ),
                compared as materialized (
                    select
                        array(
                            select e.product_id
                            from retail.product_embeddings as e
                            where e.model_id = %2$s
                            order by (e.embedding operator(%1$I.<#>) a.v) + 0
                            limit 10
                        ) as nearest,
                        array(
                            select e.product_id
                            from retail.product_embeddings as e
                            where e.model_id = %2$s
                            order by e.embedding::%1$I.halfvec(%3$s)
                                operator(%1$I.<#>) a.v::%1$I.halfvec(%3$s)
                            limit 10
                        ) as found
                    from asked as a
                )
                select round(avg(n.hits / cardinality(c.nearest)::numeric), 3)
                from compared as c
                cross join lateral (
                    select count(*) as hits
                    from unnest(c.found) as u (product_id)
                    where u.product_id = any (c.nearest)
                ) as n
                where cardinality(c.nearest) > 0',
                v_schema, v_model.model_id, v_model.dimensions
            )
            into v_recall
            using p_sample;
            -- More effort that finds no more is not worth it.
            if recall is null or v_recall > recall then
                ef_search := v_ef_search;
                recall := v_recall;
            end if;
            exit when recall >= 0.99;
        end loop;
        continue when recall is null;

        model := v_model.name;
        advice := case
            when recall < 0.99 then 'The index finds too little: build it anew, with a larger m.'
        end;
        insert into retail.search_recall as r (model_id, ef_search, recall, products)
        select v_model.model_id, check_search_recall.ef_search, check_search_recall.recall, count(*)
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id
        on conflict (model_id) do update
        set ef_search = excluded.ef_search, recall = excluded.recall, products = excluded.products,
            updated_at = now();
        return next;
    end loop;
end;
$function$;

comment on function zava.check_search_recall(integer) is
    'Measures what share of the ten nearest products the index of each model finds, and keeps the smallest ef_search that finds 99 %; advice says what to do where none does.

p_sample: how many searches to try, 1 to 1000';
revoke execute on function zava.check_search_recall(integer) from public;

-- sources end
reset role;
