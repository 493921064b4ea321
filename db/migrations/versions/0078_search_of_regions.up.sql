-- 0078 search of regions.
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

create table retail.search_regions (
    store_id uuid not null,
    region_id uuid not null,
    model_id smallint not null,
    indexed boolean not null,
    ef_search smallint not null,
    changed integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_regions_pkey primary key (store_id, region_id),
    constraint search_regions_store_id_fkey foreign key (store_id)
        references retail.stores (store_id) on delete cascade,
    constraint search_regions_ef_search_check check (ef_search in (80, 100, 200, 400, 1000)),
    constraint search_regions_changed_check check (changed >= 0)
);
comment on table retail.search_regions is
    'Internal: the index of what the stores of a region sell together, and how it is searched. A row for each store.';
comment on column retail.search_regions.region_id is 'Which stores these are: api._region_id() of all of them.';
comment on column retail.search_regions.model_id is 'Model of the vectors that are indexed.';
comment on column retail.search_regions.indexed is 'Whether the index finds enough to be used.';
comment on column retail.search_regions.ef_search is 'Effort that was measured last.';
comment on column retail.search_regions.changed is
    'Copies of this store that were written or removed since the index was measured.';

-- Real questions found less than 99 of 100 with 60. Few rows.
alter table retail.search_recall
    -- squawk-ignore ban-drop-constraint
    drop constraint search_recall_ef_search_check;
update retail.search_recall as r set ef_search = 80 where r.ef_search = 60;
alter table retail.search_recall
    -- squawk-ignore constraint-missing-not-valid
    add constraint search_recall_ef_search_check check (ef_search in (80, 100, 150, 200, 400));

-- sources begin (written by scripts/freeze up to the end mark)

revoke execute on function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;
drop function api._nearest_copied(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_100(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_1000(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_200(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_400(vector, uuid[], uuid[], integer);

-- removed: db/functions/search/_index_products_60.sql

-- source: db/functions/search/_found_products.sql
-- api._found_products(): the two lists of a search, by meaning and by words, of what the caller's stores
-- sell. Not a tool. Whatever the caller sells is searched the quickest way that finds it. Without filters
-- that is what zava.refresh_search_assortments() took up: words by their bits, vectors in copies of what the
-- caller's stores sell, or in the index of all for head office and others who sell much of the catalogue.
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
    v_model_id smallint;
    v_stores uuid[];
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
        select sum(s.products), max(s.products), array_agg(s.store_id order by s.store_id),
            max(s.ef_search) filter (where s.indexed), bit_or(s.sold), bool_and(s.copied),
            bool_or(s.indexed is not true and s.products > 1500), max(f.products), max(f.model_id),
            max(f.ef_search),
            p_taken is not false
                and bool_and(s.sold is not null and s.model_id is not distinct from f.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_stores, v_effort, v_sold, v_is_copied, v_is_hard, v_few, v_model_id,
            v_effort_all, v_is_taken
        from retail.search_stores as s
        cross join api._few() as f;
        if (v_is_taken and v_is_copied) is not true then
            v_effort := null;
        elsif cardinality(v_stores) > 1 and p_embedding is not null then
            select max(r.ef_search) filter (where r.indexed), v_is_hard or coalesce(bool_or(not r.indexed), false)
            into v_effort, v_is_hard
            from retail.search_regions as r
            where r.region_id = api._region_id(v_stores) and r.model_id = v_model_id;
        end if;
    else
        v_few := (select f.products from api._few() as f);
    end if;

    -- Bits of a table would be fetched anew each time that they are used, and a copy is not.
    loop
        -- What an index of its own finds too little of lies together, and the index of all would find still
        -- less; where it has yet to be built, as after a change of the model, nobody knows.
        v_is_compared := v_is_taken and v_is_copied and v_effort is null
            and v_products <= case when v_is_hard then length(v_sold) / 2 else v_few end;
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true
            or v_is_taken and p_embedding is not null and v_effort is null and not v_is_compared
                and bit_count(v_sold) <= v_few
        then
            v_among := api._sold_products(
                p_category_id, p_min_price, p_max_price, p_in_stock,
                -- What is in stock lies everywhere.
                case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 6 * v_few end
            );
        end if;
        if p_embedding is null then
            null;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_compared(p_embedding, cardinality(v_stores), p_limit) as n;
        elsif v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 100 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_100(p_embedding, v_stores, p_limit) as n;
        elsif v_effort is not null then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_stores, p_limit) as n;
        elsif v_is_taken and v_among is null and v_effort_all = 80 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._index_products(p_embedding, null, null, null, false, p_limit, v_sold || '') as n;
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
        v_effort := null;
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

-- source: db/functions/search/_index_products_100.sql
-- api._index_products_100(): api._index_products() with hnsw.ef_search = 100, for an index that finds
-- enough with that; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_100(
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
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with less care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied.sql
-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, which has
-- an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level
-- security decides what is read; api._found_products() has seen that the copies are complete and of the live
-- model. PostgreSQL only knows the index to be right by a condition whose values it sees, so that the statement
-- is planned each time. What several stores sell is there several times. hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_stores uuid[],
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
set enable_sort = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
    v_near record;
    v_found uuid[] := '{}';
    v_similarity real[] := '{}';
begin
    select m.model_id, m.dimensions
    into v_model_id, v_dimensions
    from retail.embedding_models as m
    where m.state = 'live';

    if cardinality(p_stores) = 1 then
        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_stores[1] and a.model_id = v_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    for v_near in
        select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
        from retail.search_assortments as a
        where a.store_id = any (p_stores) and a.model_id = v_model_id
        order by distance
        limit p_limit * cardinality(p_stores)
    loop
        exit when v_near.distance is null;
        if v_near.product_id <> all (v_found) then
            v_found := v_found || v_near.product_id;
            v_similarity := v_similarity || -v_near.distance::real;
        end if;
        exit when cardinality(v_found) = p_limit;
    end loop;
    return query
    select u.product_id, u.similarity
    from unnest(v_found, v_similarity) as u (product_id, similarity)
    order by 2 desc, 1;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, by its index.

p_embedding: the vector, of length 1 and of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_100.sql
-- api._nearest_copied_100(): api._nearest_copied() with hnsw.ef_search = 100, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_100(
    p_embedding vector,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_100(vector, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_100(vector, uuid[], integer) from public;
grant execute on function api._nearest_copied_100(vector, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_1000.sql
-- api._nearest_copied_1000(): api._nearest_copied() with hnsw.ef_search = 1000, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_1000(
    p_embedding vector,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_1000(vector, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_1000(vector, uuid[], integer) from public;
grant execute on function api._nearest_copied_1000(vector, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_200.sql
-- api._nearest_copied_200(): api._nearest_copied() with hnsw.ef_search = 200, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_200(
    p_embedding vector,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_200(vector, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_200(vector, uuid[], integer) from public;
grant execute on function api._nearest_copied_200(vector, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_400.sql
-- api._nearest_copied_400(): api._nearest_copied() with hnsw.ef_search = 400, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_400(
    p_embedding vector,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_400(vector, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_400(vector, uuid[], integer) from public;
grant execute on function api._nearest_copied_400(vector, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_products.sql
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
set hnsw.ef_search = 80
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
    elsif v_model.ef_search = 80 then
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products_100(
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

-- source: db/functions/search/_region_id.sql
-- api._region_id(): what several stores together are called in retail.search_regions. Not a tool. Made of
-- their ids, so that nobody has to be told which others there are.
create or replace function api._region_id(
    p_stores uuid[]
)
returns uuid
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(substr(sha256(p_stores::text::bytea), 1, 16), 'hex')::uuid;
end;

comment on function api._region_id(uuid[]) is
    'Id of a region, which is nothing but its stores.

p_stores: ids of its stores, in their order';
revoke execute on function api._region_id(uuid[]) from public;
grant execute on function api._region_id(uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_search_indexes.sql
-- zava._search_indexes(): the indexes that search wants of what stores sell: one for each store, and for the
-- stores of each principal that has several, if all of it is copied, and is more than can be compared one by
-- one but no more than half of the catalogue. An index of several stores is over the copies of each of them,
-- and what some of them sell alike is in it once (pgvector keeps equal vectors together).
create or replace function zava._search_indexes()
returns table (index_id uuid, stores uuid[], products bigint, model_id smallint, is_due boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select n.index_id, n.stores, c.products, c.model_id,
        case
            when cardinality(n.stores) = 1 then c.is_due
            else r.is_known is not true or r.changed > c.products / 10
        end
    from (
        select s.store_id as index_id, array[s.store_id] as stores
        from retail.search_stores as s
        union all
        select api._region_id(g.stores), g.stores
        from (
            select distinct array_agg(s.store_id order by s.store_id) as stores
            from zava.principals as p
            join zava.principal_stores as o on o.principal_id = p.principal_id
            join retail.search_stores as s on s.store_id = o.store_id
            where p.active
            group by p.principal_id
            having count(*) > 1
        ) as g
    ) as n
    cross join lateral (
        select bit_count(bit_or(s.sold)) as products, max(s.model_id) as model_id, bool_and(s.copied) as copied,
            bool_or(s.indexed is null or s.ef_search is null or s.changed > s.products / 10) as is_due
        from retail.search_stores as s
        where s.store_id = any (n.stores)
    ) as c
    cross join lateral (
        select bool_and(r.model_id = c.model_id) as is_known, sum(r.changed) as changed
        from retail.search_regions as r
        where r.region_id = n.index_id
    ) as r
    cross join api._few() as f
    where c.copied and c.products > 1500 and (cardinality(n.stores) = 1 or c.products <= f.copied);
end;

comment on function zava._search_indexes() is
    'Indexes of what stores, and the stores of regions, sell: of which stores, how many products, of which model, and whether one is to be built or measured again.';
revoke execute on function zava._search_indexes() from public;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 80, 100, 150, 200 and 400 that finds 99 of 100 (80 only for
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
        foreach v_ef_search in array array[80, 100, 150, 200, 400] loop
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
            exit when recall >= case when v_ef_search = 80 then 0.995 else 0.99 end;
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

-- source: db/functions/search/index_search_assortments.sql
-- zava.index_search_assortments(): builds one of the indexes that zava._search_indexes() names, of what a store
-- or the stores of a region sell, or measures it again where a tenth of that has changed since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by questions as zava.check_search_recall() asks, of what is not sold there:
-- these are the furthest. It is searched with the least effort of 80, 100, 200, 400 and 1,000 that finds enough,
-- 99 of 100 (the first two only for 99.5), as long as that takes less than to compare all; if none does, it is
-- not used.
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
    v_index record;
    v_unused name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select i.*, m.dimensions, n.nspname as schema, null::integer as ef_search,
        format('search_assortments_%s_%s_idx', replace(i.index_id::text, '-', ''), i.model_id) as name,
        -- Planned with these values, a search finds the same condition.
        case
            when cardinality(i.stores) = 1 then format('store_id = %L', i.index_id)
            else format('store_id = any (%L)', i.stores)
        end as condition
    into v_index
    from zava._search_indexes() as i
    join retail.embedding_models as m on m.model_id = i.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where i.is_due and e.extname = 'vector'
    order by i.products desc, i.index_id
    limit 1;
    if not found then
        delete from retail.search_regions as r
        where not exists (select from zava._search_indexes() as i where i.index_id = r.region_id);
        perform set_config('lock_timeout', '1s', true);
        for v_unused in
            select c.relname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            where i.indrelid = 'retail.search_assortments'::regclass
                and not i.indisprimary
                and not exists (
                    select
                    from zava._search_indexes() as s
                    where c.relname = format(
                        'search_assortments_%s_%s_idx', replace(s.index_id::text, '-', ''), s.model_id
                    )
                )
        loop
            begin
                execute format('drop index retail.%I', v_unused);
            exception
                when lock_not_available then null;
            end;
        end loop;
        return false;
    end if;

    -- As that of the catalogue: of 20,000 products a graph built with 400 needs twice the effort of each search.
    -- One that does not fit into memory takes many times as long. One process builds it: containers
    -- often have too little shared memory for several.
    v_memory := v_index.products * (v_index.dimensions * 2 + 1200) / 1024 + 8192;
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
            where %4$s and model_id = %5$s',
        v_index.name, v_index.schema, v_index.dimensions, v_index.condition, v_index.model_id
    );

    foreach v_effort in array array[80, 100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_index.products / 7, 100);
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
                        where a.%4$s and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as nearest,
                    array(
                        select a.embedding::%1$I.halfvec(%2$s)
                            operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s) as distance
                        from retail.search_assortments as a
                        where a.%4$s and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as found
                from (
                    select %1$I.l2_normalize(
                        e.embedding operator(%1$I.+) e.embedding
                            operator(%1$I.+) lead(e.embedding) over (order by e.place)
                    ) as embedding
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %3$s and not exists (
                            select
                            from retail.search_assortments as a
                            where a.%4$s and a.product_id = e.product_id
                        )
                        order by place
                        limit 201
                    ) as e
                ) as q
                where q.embedding is not null
            ) as c',
            v_index.schema, v_index.dimensions, v_index.model_id, v_index.condition
        )
        into v_recall;
        v_index.ef_search := v_effort;
        -- The least efforts leave the most to chance.
        exit when v_recall is null or v_recall >= case when v_effort <= 100 then 0.995 else 0.99 end;
    end loop;
    if cardinality(v_index.stores) = 1 then
        update retail.search_stores as s
        set indexed = coalesce(v_recall, 1) >= 0.99, ef_search = v_index.ef_search, changed = 0, updated_at = now()
        where s.store_id = v_index.index_id;
    else
        insert into retail.search_regions as r (store_id, region_id, model_id, indexed, ef_search)
        select u.store_id, v_index.index_id, v_index.model_id, coalesce(v_recall, 1) >= 0.99, v_index.ef_search
        from unnest(v_index.stores) as u (store_id)
        on conflict (store_id, region_id) do update
        set model_id = excluded.model_id, indexed = excluded.indexed, ef_search = excluded.ef_search, changed = 0,
            updated_at = now();
    end if;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store or region sells, where that is many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- source: db/functions/search/refresh_search_assortments.sql
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
    ),
    noted_of_regions as (
        update retail.search_regions as r
        set changed = least(r.changed::bigint + c.changed, 2147483647)
        from counted as c
        where r.store_id = c.store_id
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

-- source: db/policies/search_regions.sql
-- Row-level security of retail.search_regions: a store sees the rows of itself, a region those of its list, head
-- office all. One permissive policy opens the table to each class;
-- the restrictive fence in front of it decides by the signed context. A second permissive policy
-- added by mistake still stands behind the fence. A store's fence is an equality: of "any" of an
-- unknown list PostgreSQL expects ten stores, and would leave the index.
-- "true or" the fence opens all the same, and costs nothing: but DROP … CASCADE of a column or a function
-- that the fence needs takes the opening policy along, so that no row shows.
alter table retail.search_regions enable row level security;
alter table retail.search_regions force row level security;

drop policy if exists search_regions_store_manager_select on retail.search_regions;
create policy search_regions_store_manager_select
    on retail.search_regions
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_regions_regional_manager_select on retail.search_regions;
create policy search_regions_regional_manager_select
    on retail.search_regions
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_regions_head_office_select on retail.search_regions;
create policy search_regions_head_office_select
    on retail.search_regions
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_regions_store_manager_fence on retail.search_regions;
create policy search_regions_store_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_regions_regional_manager_fence on retail.search_regions;
create policy search_regions_regional_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_regions_head_office_fence on retail.search_regions;
create policy search_regions_head_office_fence
    on retail.search_regions
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_regions_writer_all on retail.search_regions;
create policy search_regions_writer_all
    on retail.search_regions
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_regions_store_manager_fence on retail.search_regions is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_regions_regional_manager_fence on retail.search_regions is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_regions_head_office_fence on retail.search_regions is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_regions_writer_all on retail.search_regions is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_regions from public;
grant select on retail.search_regions to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_regions to zava_writer;

-- sources end
reset role;
