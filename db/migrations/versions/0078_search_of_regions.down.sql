-- 0078 search of regions, undone.
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

update retail.search_recall as r set ef_search = 100 where r.ef_search = 80;
alter table retail.search_recall
    drop constraint search_recall_ef_search_check,
    add constraint search_recall_ef_search_check check (ef_search in (60, 100, 150, 200, 400));

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._nearest_copied_400(vector, uuid[], integer);
drop function api._nearest_copied_200(vector, uuid[], integer);
drop function api._nearest_copied_1000(vector, uuid[], integer);
drop function api._nearest_copied_100(vector, uuid[], integer);
drop function api._nearest_copied(vector, uuid[], integer);

-- api._index_products_60(): api._index_products() with hnsw.ef_search = 60, for an index that finds
-- enough with that; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_60(
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
set hnsw.ef_search = 60
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with less care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- api._found_products(): the two lists of a search, by meaning and by words, of what the caller's stores
-- sell. Not a tool. Whatever the caller sells is searched the quickest way that finds it. Without filters
-- that is what zava.refresh_search_assortments() took up: words by their bits, vectors in copies of a
-- store's own, or in the index of all for head office and others with several stores that sell much of
-- the catalogue.
-- With a category or a price up to a quarter of the catalogue is compared one by one: what these leave may
-- lie together, far from what is asked for, and the index comes upon its outskirts first.
-- What was taken up may have changed. A row of retail.inventory is marked when it is taken up, so that a
-- new one shows; and each product found is looked up there, so that one which is gone shows. In both
-- cases nothing that was taken up is used, but all looked for anew. Who looks up what it shows anyway asks
-- for what was taken up as it is, and for all anew if it meets one that is gone.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_taken boolean default null
)
returns table (product_id uuid, place bigint, similarity real, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set hnsw.ef_search = 80
as $function$
declare
    v_few integer;
    v_products bigint;
    v_largest integer;
    v_indexed uuid[];
    v_others uuid[];
    v_compared bigint;
    v_effort integer;
    v_effort_all integer;
    v_sold bit varying;
    v_is_copied boolean;
    v_is_hard boolean;
    v_is_taken boolean := false;
    v_is_compared boolean;
    v_among uuid[];
    v_near uuid[];
    v_similarity real[];
    v_match uuid[];
    v_coverage real[];
begin
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and p_in_stock is not true then
        select sum(s.products), max(s.products),
            array_agg(s.store_id) filter (where s.indexed),
            array_agg(s.store_id) filter (where s.indexed is not true),
            coalesce(sum(s.products) filter (where s.indexed is not true), 0),
            coalesce(max(s.ef_search) filter (where s.indexed), 100),
            bit_or(s.sold), bool_and(s.copied),
            bool_or(s.indexed is not true and s.products > 1500), max(f.products), max(f.ef_search),
            p_taken is not false
                and bool_and(s.sold is not null and s.model_id is not distinct from f.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_indexed, v_others, v_compared, v_effort, v_sold, v_is_copied,
            v_is_hard, v_few, v_effort_all, v_is_taken
        from retail.search_stores as s
        cross join api._few() as f;
    else
        v_few := (select f.products from api._few() as f);
    end if;

    -- Bits of a table would be fetched anew each time that they are used, and a copy is not.
    loop
        -- Legs of several stores take longer than the index of all where they sell much. What an index of
        -- its own finds too little of lies together, and the index of all would find still less; where it
        -- has yet to be built, as after a change of the model, nobody knows.
        v_is_compared := v_is_taken and v_is_copied
            and case
                when v_is_hard then v_compared <= length(v_sold) / 2
                else v_compared <= v_few and (
                    v_compared = v_products or v_largest = v_products
                    or v_products <= length(v_sold) / 10
                )
            end;
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true
            or v_is_taken and p_embedding is not null and not v_is_compared and bit_count(v_sold) <= v_few
        then
            v_among := api._sold_products(
                p_category_id, p_min_price, p_max_price, p_in_stock,
                -- What is in stock lies everywhere.
                case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 6 * v_few end
            );
        end if;
        if p_embedding is null then
            null;
        elsif v_is_compared and v_indexed is null then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_compared(p_embedding, cardinality(v_others), p_limit) as n;
        elsif v_is_compared and v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared and v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared and v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared and v_effort = 100 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_100(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_taken and v_among is null and v_effort_all = 60 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._index_products_60(p_embedding, null, null, null, false, p_limit, v_sold || '') as n;
        else
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_products(
                p_embedding, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                case when v_is_taken then v_sold || '' end
            ) as n;
        end if;
        if p_query is null then
            null;
        elsif v_is_taken then
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_copied(p_query, v_sold || '', p_limit) as m;
        else
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_products(
                p_query, case when cardinality(v_among) <= v_few then v_among end, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                least(v_largest / (25.0 * v_few), 1)::real
            ) as m;
        end if;

        exit when v_is_taken is not true or p_taken;
        exit when not exists (
            select
            from unnest(v_near || v_match) as u (product_id)
            where not exists (
                select from retail.inventory as i where i.product_id = u.product_id
            )
        );
        v_is_taken := false;
    end loop;

    return query
    select n.product_id, n.place, n.similarity, null::real
    from unnest(v_near, v_similarity) with ordinality as n (product_id, similarity, place)
    union all
    select m.product_id, m.place, null, m.coverage
    from unnest(v_match, v_coverage) with ordinality as m (product_id, coverage, place);
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists.

p_embedding: the vector, of length 1 and of the live model; null for words only
p_query: the text; null for meaning only
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products in each list
p_taken: true for what search has taken up as it is, false for all anew, null for what is still sold of it';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    to store_manager, regional_manager, head_office;

-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, some of
-- which have an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which
-- row-level security decides what is read; api._found_products() has seen that the copies are complete and of
-- the live model. Stores that sell few have all theirs compared; each of the others has an index, which
-- PostgreSQL only knows to be right by a condition whose values it sees. So what one store sells is asked for
-- by a statement that is planned each time, but not parsed. What several sell is there several times.
-- hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
begin
    if cardinality(p_indexed) = 1 and p_compared is null then
        select m.model_id, m.dimensions
        into v_model_id, v_dimensions
        from retail.embedding_models as m
        where m.state = 'live';

        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_indexed[1] and a.model_id = v_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    return query execute (
        select 'select u.product_id, -min(u.distance)::real from ('
            || string_agg(
                format(
                    '(select a.product_id, api._stored_distance(a.embedding, $1, %2$s) as distance
                    from retail.search_assortments as a
                    where a.store_id = %3$L and a.model_id = %1$s
                    order by distance
                    limit $2)',
                    m.model_id, m.dimensions, i.store_id
                ),
                ' union all '
            )
            || case
                when p_compared is not null then
                    ' union all (select a.product_id, -api._similarity(a.embedding, $1) as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * cardinality($3))'
                else ''
            end
            || ') as u where u.distance is not null group by u.product_id order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
        cross join retail.embedding_models as m
        where m.state = 'live'
    )
    using v_unit, p_limit, p_compared;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_copied_100(): api._nearest_copied() with hnsw.ef_search = 100, for an index of a store that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_100(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_compared, p_indexed, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_100(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied_100(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied_100(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_copied_1000(): api._nearest_copied() with hnsw.ef_search = 1000, for an index of a store that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_1000(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 1000
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_compared, p_indexed, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_1000(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied_1000(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied_1000(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_copied_200(): api._nearest_copied() with hnsw.ef_search = 200, for an index of a store that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_200(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 200
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_compared, p_indexed, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_200(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied_200(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied_200(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_copied_400(): api._nearest_copied() with hnsw.ef_search = 400, for an index of a store that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_400(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 400
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_compared, p_indexed, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_400(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied_400(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied_400(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_products(): the products whose vectors are nearest to one. Not a tool.
-- Few products are compared one by one: exact. Among many the index is followed, with the ef_search
-- that zava.check_search_recall() has found to be enough for it; with a category or a price with the most,
-- for what these leave may lie together, far from what is asked for.
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
    select
        m.model_id,
        case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 400 else r.ef_search end
            as ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, v_unit) as similarity
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id and e.product_id = any (p_products)
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
    elsif v_model.ef_search = 60 then
        return query
        select n.product_id, n.similarity
        from api._index_products_60(
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

-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 60, 100, 150, 200 and 400 that finds 99 of 100 (60 only for
-- 99.5), or the most if none does. Search uses it from then on. Run by the administrator after an index was
-- built; not a tool. Reads every vector as often as the sample is large, once; of a small sample one small
-- part of the catalogue to which the index does not lead would be missing, or weigh as much as several.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy. Of
-- products with one text any is as near as another, so that distances are compared, and not products.
create or replace function zava.check_search_recall(
    p_sample integer default 200
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
    v_asked text[];
    v_nearest text[];
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
            compared as (
                select a.v, array(
                    select (e.embedding operator(%1$I.<#>) a.v) + 0 as distance
                    from retail.product_embeddings as e
                    where e.model_id = %2$s
                    order by distance
                    limit 10
                ) as nearest
                from asked as a
            )
            select array_agg(c.v::text), array_agg(c.nearest::text) from compared as c',
            v_schema, v_model.model_id
        )
        into v_asked, v_nearest
        using p_sample;

        recall := null;
        foreach v_ef_search in array array[60, 100, 150, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', v_ef_search);
            execute format(
                'with asked as materialized (
                    select a.v::%1$I.halfvec(%3$s) as v, a.nearest::double precision[] as nearest
                    from unnest($1, $2) as a (v, nearest)
                ),
                compared as materialized (
                    select a.nearest, array(
                        select e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) a.v as distance
                        from retail.product_embeddings as e
                        where e.model_id = %2$s
                        order by distance
                        limit 10
                    ) as found
                    from asked as a
                )
                select round(avg(n.hits / cardinality(c.nearest)::numeric), 3)
                from compared as c
                cross join lateral (
                    select count(*) as hits
                    from unnest(c.found) as u (distance)
                    where u.distance <= c.nearest[cardinality(c.nearest)]
                ) as n
                where cardinality(c.nearest) > 0',
                v_schema, v_model.model_id, v_model.dimensions
            )
            into v_recall
            using v_asked, v_nearest;
            -- More effort that finds no more is not worth it.
            if recall is null or v_recall > recall then
                ef_search := v_ef_search;
                recall := v_recall;
            end if;
            -- The least effort leaves the most to chance.
            exit when recall >= case when v_ef_search = 60 then 0.995 else 0.99 end;
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

-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, or measures it again where a tenth of what the store sells has changed
-- since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by what lies between three products that the store does not sell, for
-- questions are as hard as that: each of these itself is mostly next to one that is sold. Distances are
-- compared, as zava.check_search_recall() does. It is searched with the least effort of 80, 100, 200, 400 and
-- 1,000 that finds enough, 99 of 100 (80 only for 99.5), as long as that takes less than to compare all; if
-- none does, it is not used.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_store record;
    v_index name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select s.store_id, s.products, s.ef_search, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.products > 1500 and e.extname = 'vector'
        and (s.indexed is null or s.ef_search is null or s.changed > s.products / 10)
    order by s.products desc, s.store_id
    limit 1;
    if not found then
        perform set_config('lock_timeout', '1s', true);
        for v_index in
            select c.relname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            where i.indrelid = 'retail.search_assortments'::regclass
                and not i.indisprimary
                and not exists (
                    select
                    from retail.search_stores as s
                    where s.copied and s.products > 1500
                        and c.relname = format(
                            'search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), s.model_id
                        )
                )
        loop
            begin
                execute format('drop index retail.%I', v_index);
            exception
                when lock_not_available then null;
            end;
        end loop;
        return false;
    end if;

    -- As that of the catalogue: of 20,000 products a graph built with 400 needs twice the effort of each search.
    -- One that does not fit into memory takes many times as long. One process builds it: containers
    -- often have too little shared memory for several.
    v_memory := v_store.products * (v_store.dimensions * 2 + 1200) / 1024 + 8192;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;
    perform set_config('max_parallel_maintenance_workers', '0', true);
    execute format(
        'create index if not exists %1$I on retail.search_assortments
            using hnsw ((embedding::%2$I.halfvec(%3$s)) %2$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    foreach v_effort in array array[80, 100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_store.products / 7, 100);
        execute format('set local hnsw.ef_search = %s', v_effort);
        execute format(
            'select avg((
                select count(*)
                from unnest(c.found) as u (distance)
                where u.distance <= c.nearest[cardinality(c.nearest)]
            ) / cardinality(c.nearest)::numeric)
            from (
                select
                    array(
                        select (a.embedding operator(%1$I.<#>) q.embedding) + 0 as distance
                        from retail.search_assortments as a
                        where a.store_id = %4$L and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as nearest,
                    array(
                        select a.embedding::%1$I.halfvec(%2$s)
                            operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s) as distance
                        from retail.search_assortments as a
                        where a.store_id = %4$L and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as found
                from (
                    select %1$I.l2_normalize(
                        e.embedding operator(%1$I.+) lead(e.embedding) over w
                            operator(%1$I.+) lead(e.embedding, 2) over w
                    ) as embedding
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %3$s and not exists (
                            select
                            from retail.search_assortments as a
                            where a.store_id = %4$L and a.product_id = e.product_id
                        )
                        order by place
                        limit 202
                    ) as e
                    window w as (order by e.place)
                ) as q
                where q.embedding is not null
            ) as c',
            v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
        )
        into v_recall;
        v_store.ef_search := v_effort;
        -- The least effort leaves the most to chance.
        exit when v_recall is null or v_recall >= case when v_effort = 80 then 0.995 else 0.99 end;
    end loop;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, ef_search = v_store.ef_search, changed = 0, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- zava.refresh_search_assortments(): takes up for search what stores sell: of every store a bit for each
-- product of the catalogue, of stores that sell up to half of it the vectors as well, side by side in
-- retail.search_assortments. Run by zava.refresh_search_words() and when a model becomes live; not a tool.
-- Rows of retail.inventory are marked as taken up first, so that one which comes while this runs is not,
-- and search sees it; a row that somebody else is changing stays for the next time, as does a product
-- that has no number yet. Indexes of the copies are built by zava.index_search_assortments(), for that
-- takes long and rows marked are locked until this is committed.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (select f.model_id from api._few() as f);
    v_most constant integer := (select f.copied from api._few() as f);
    v_products constant integer := (select count(*) from retail.search_numbers);
    v_copied uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    update retail.inventory as i
    set in_search = true
    from (
        select i.store_id, i.product_id
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where not i.in_search
        for no key update of i skip locked
    ) as u
    where i.store_id = u.store_id and i.product_id = u.product_id;

    v_copied := array(
        select i.store_id
        from retail.inventory as i
        where i.in_search
        group by i.store_id
        having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_copied)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id and i.in_search
            )
        returning a.store_id
    ),
    -- In the order of the key, so that what is read together lies together. A vector may be of a
    -- transaction that began before the last copies were made and ended after.
    written as (
        insert into retail.search_assortments as a (store_id, product_id, model_id, embedding)
        select i.store_id, i.product_id, v_model_id, e.embedding
        from retail.inventory as i
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_copied)
            and i.in_search
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.updated_at <= e.updated_at + interval '5 minutes'
                    and c.embedding::real[] is distinct from e.embedding::real[]
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding, updated_at = now()
        returning a.store_id
    ),
    counted as (
        select c.store_id, count(*)::integer as changed
        from (select r.store_id from removed as r union all select w.store_id from written as w) as c
        group by c.store_id
    ),
    noted as (
        update retail.search_stores as s
        set changed = least(s.changed::bigint + c.changed, 2147483647)
        from counted as c
        where s.store_id = c.store_id
    )
    select coalesce(sum(c.changed), 0) into v_changed from counted as c;

    delete from retail.search_stores as s
    where not exists (
        select from retail.inventory as i where i.store_id = s.store_id and i.in_search
    );
    insert into retail.search_stores as s (store_id, products, copied, sold, model_id)
    select p.store_id, count(*), p.store_id = any (v_copied),
        rpad(string_agg(lpad('1', p.step, '0'), '' order by p.number), v_products, '0')::varbit,
        v_model_id
    from (
        select i.store_id, n.number,
            n.number - lag(n.number, 1, 0) over (partition by i.store_id order by n.number) as step
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where i.in_search
    ) as p
    group by p.store_id
    on conflict (store_id) do update
    set products = excluded.products, copied = excluded.copied, sold = excluded.sold,
        model_id = excluded.model_id, updated_at = now(),
        indexed = case
            when excluded.copied and excluded.products > 1500 and s.model_id = excluded.model_id
                then s.indexed
        end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

revoke select, insert, update, delete on retail.search_regions from zava_writer;
revoke select on retail.search_regions from store_manager, regional_manager, head_office;
drop policy search_regions_writer_all on retail.search_regions;
drop policy search_regions_head_office_fence on retail.search_regions;
drop policy search_regions_regional_manager_fence on retail.search_regions;
drop policy search_regions_store_manager_fence on retail.search_regions;
drop policy search_regions_head_office_select on retail.search_regions;
drop policy search_regions_regional_manager_select on retail.search_regions;
drop policy search_regions_store_manager_select on retail.search_regions;
alter table retail.search_regions no force row level security;
alter table retail.search_regions disable row level security;
drop function zava._search_indexes();
drop function api._region_id(uuid[]);
revoke execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;

-- sources end

drop table retail.search_regions;
reset role;
