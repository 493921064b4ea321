-- 0012 search share.
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

alter table retail.search_recall add column products integer;
comment on column retail.search_recall.products is 'How many products the index had then.';

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._sold_products(uuid, numeric, numeric, boolean, integer)
   ;

-- source: db/functions/search/_sold_products.sql
-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are compared one by one, which finds all; for many there is
-- the index, which finds too little of what is rarer than one product in 25.
-- Store by store: what several stores sell counts once, and one large store settles it.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer default null
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Most searches have no filter: their plan can be kept.
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_most integer := p_most;
    v_store_id uuid;
    v_more uuid[];
    v_found uuid[] := '{}';
begin
    if v_most is null then
        select coalesce(max(greatest(1500, r.products / 25)), 4000)
        into v_most
        from retail.search_recall as r
        join retail.embedding_models as m on m.model_id = r.model_id
        where m.state = 'live';
    end if;

    for v_store_id in select s.store_id from retail.stores as s order by s.store_id loop
        if v_all then
            v_more := array(
                select i.product_id
                from retail.inventory as i
                where i.store_id = v_store_id
                limit v_most + 1
            );
        else
            execute format(
                'select array(select i.product_id from %s and i.store_id = $1 limit $2)',
                api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
            )
            into v_more
            using v_store_id, v_most + 1;
        end if;

        if v_found = '{}' then
            v_found := v_more;
        else
            v_found := array(
                select u.product_id from unnest(v_found || v_more) as u (product_id)
                group by u.product_id
            );
        end if;
        if cardinality(v_found) > v_most then
            return null;
        end if;
    end loop;
    return v_found;
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many are few; null for one in 25 of the catalogue, at least 1500';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 100, 200 and 400 that finds 99 of 100. Search uses it
-- from then on. Run by the administrator after an index was built; not a tool. Reads every vector as
-- often as the sample is large.
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
        foreach ef_search in array array[100, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', ef_search);
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
            into recall
            using p_sample;
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

-- source: db/functions/search/search_products.sql
-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides.
create or replace function api.search_products(
    p_query text,
    p_query_embedding vector default null,
    p_category text default null,
    p_min_price numeric default null,
    p_max_price numeric default null,
    p_in_stock boolean default false,
    p_min_similarity numeric default null,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    score numeric,
    similarity numeric,
    found_by text,
    searched_by text,
    headline text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_query constant text := btrim(p_query);
    v_category constant uuid := api._category_id(p_category);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * p_limit, 30);
    v_unit p_query_embedding%type;
    v_few uuid[];
    v_searched_by text;
    v_near uuid[];
    v_near_similarity real[];
    v_worded uuid[];
    v_coverage real[];
begin
    perform api._require_range('p_limit', p_limit, 1, 100);
    perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
    perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
    perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;

    v_unit := api._checked_embedding(p_query_embedding);
    v_few := api._sold_products(v_category, p_min_price, p_max_price, v_in_stock);
    select array_agg(m.product_id), array_agg(m.coverage)
    into v_worded, v_coverage
    from api._matching_products(
        v_query, v_few, v_category, p_min_price, p_max_price, v_in_stock, v_depth
    ) as m;
    if v_unit is null then
        v_searched_by := case
            when p_query_embedding is null then 'words only: the text was not embedded'
            else 'words only: no model is live'
        end;
    else
        v_searched_by := 'meaning and words';
        select array_agg(n.product_id), array_agg(n.similarity)
        into v_near, v_near_similarity
        from api._nearest_products(
            v_unit, v_few, v_category, p_min_price, p_max_price, v_in_stock, v_depth
        ) as n;
    end if;

    return query
    with lists as (
        select n.product_id, 1.0 / (20 + n.place) as worth, n.similarity, 'meaning' as side
        from unnest(v_near, v_near_similarity) with ordinality as n (product_id, similarity, place)
        union all
        select w.product_id, 2 * w.coverage ^ 2 / (20 + w.place), null, 'words'
        from unnest(v_worded, v_coverage) with ordinality as w (product_id, coverage, place)
    ),
    merged as (
        select l.product_id, sum(l.worth) as worth, max(l.similarity) as similarity,
            case when count(*) = 2 then 'both' else min(l.side) end as found_by
        from lists as l
        group by l.product_id
    ),
    best as (
        select m.*, row_number() over (order by m.worth desc, m.product_id) as rank
        from merged as m
        where p_min_similarity is null or m.similarity is null or m.similarity >= p_min_similarity
        order by rank
        limit p_limit
    )
    select b.rank, b.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        round(b.worth::numeric, 5), round(b.similarity::numeric, 3), b.found_by, v_searched_by,
        ts_headline(
            'english', p.description, plainto_tsquery('english', v_query),
            'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id) as o
    order by b.rank;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words or both. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists. headline: the description with the words asked for in **.

p_query: what is looked for, as words or as a question
p_query_embedding: vector of p_query by the live model; null to search by words only
p_category: name of a category, for example Hand Tools; null for all
p_min_price: smallest price of a store in USD
p_max_price: largest price of a store in USD
p_in_stock: true for what is in stock only
p_min_similarity: leaves out what is less similar; null for none
p_limit: how many products, 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/similar_products.sql
-- api.similar_products(): what the caller's stores sell that is like a product, by the nearness of
-- vectors; by the words of its name where it has no vector yet.
create or replace function api.similar_products(
    p_sku text,
    p_in_stock boolean default false,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    similarity numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_few constant uuid[] := api._sold_products(null, null, null, v_in_stock);
    v_has_vector constant boolean := api._product_embedding(v_product_id) is not null;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with found as (
        select n.product_id, n.similarity, n.place
        from api._nearest_products(
            api._product_embedding(v_product_id), v_few, null, null, null, v_in_stock, p_limit + 1
        ) with ordinality as n (product_id, similarity, place)
        where v_has_vector
        union all
        select m.product_id, null, m.place
        from api._matching_products(
            (select p.name from retail.products as p where p.product_id = v_product_id),
            v_few, null, null, null, v_in_stock, p_limit + 1
        ) with ordinality as m (product_id, coverage, place)
        where not v_has_vector
    )
    select row_number() over (order by f.place), p.product_id, p.sku, p.name, c.name, o.price,
        o.stock_level, o.in_stock_at, round(f.similarity::numeric, 3),
        concat_ws(
            '; ',
            case
                when p.type_id = a.type_id then 'also in ' || t.name
                when p.category_id = a.category_id then t.name || ', also in ' || c.name
                else t.name || ' in ' || c.name
            end,
            case
                when o.price < b.price then format('%s USD cheaper', b.price - o.price)
                when o.price > b.price then format('%s USD dearer', o.price - b.price)
            end,
            case when not v_has_vector then 'found by words, it has no embedding yet' end
        )
    from found as f
    join retail.products as p on p.product_id = f.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.product_types as t on t.type_id = p.type_id
    join retail.products as a on a.product_id = v_product_id
    cross join lateral api._offer(p.product_id) as o
    cross join lateral api._offer(v_product_id) as b
    where p.product_id <> v_product_id
    order by f.place
    limit p_limit;
end;
$function$;

comment on function api.similar_products(text, boolean, integer) is
    'Products of your stores that are most like one, as substitutes. why: what they share and how the lowest prices compare. USD without tax.

p_sku: article number, for example HT-HAM-001
p_in_stock: true for what is in stock only
p_limit: how many products, 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
