-- 0052 search store effort, undone.
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

-- sources begin (written by scripts/freeze up to the end mark)

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
as $function$
declare
    v_few integer;
    v_products bigint;
    v_largest integer;
    v_indexed uuid[];
    v_others uuid[];
    v_compared bigint;
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
            bit_or(s.sold), bool_and(s.copied),
            bool_or(s.indexed is not true and s.products > 1500), max(f.products),
            p_taken is not false
                and bool_and(s.sold is not null and s.model_id is not distinct from f.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_indexed, v_others, v_compared, v_sold, v_is_copied, v_is_hard,
            v_few, v_is_taken
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
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_others, v_indexed, p_limit) as n;
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

        exit when v_is_taken is not true or p_taken or not exists (
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

-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores. Not
-- a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level security
-- decides what is read; api._found_products() has seen that the copies are complete and of the live model.
-- Stores that sell few have all theirs compared; each of the others has an index, which PostgreSQL only
-- knows to be right by a condition that is written out. What several sell is there several times.
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
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set hnsw.ef_search = 100
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_is_one constant boolean := cardinality(p_indexed) = 1 and p_compared is null;
begin
    if p_indexed is null then
        return query
        select distinct on (n.similarity, n.product_id) n.product_id, n.similarity
        from (
            select c.product_id, c.similarity
            from (
                select a.product_id, api._similarity(a.embedding, v_unit) as similarity
                from retail.search_assortments as a
                offset 0
            ) as c
            order by c.similarity desc nulls last, c.product_id
            limit p_limit * cardinality(p_compared)
        ) as n
        where n.similarity is not null
        order by n.similarity desc, n.product_id
        limit p_limit;
        return;
    end if;
    return query execute (
        select format(
            'select u.product_id, -%s::real from (',
            case when v_is_one then 'u.distance' else 'min(u.distance)' end
        )
            || string_agg(
                format(
                    '(select a.product_id,
                        a.embedding::%1$I.halfvec(%2$s) operator(%1$I.<#>) $1::%1$I.halfvec(%2$s)
                            as distance
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by distance
                    limit $2)',
                    n.nspname, m.dimensions, m.model_id, i.store_id
                ),
                ' union all '
            )
            || case
                when p_compared is not null then format(
                    ' union all (select a.product_id, (a.embedding operator(%1$I.<#>) $1) + 0 as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * cardinality($3))',
                    min(n.nspname)
                )
                else ''
            end
            || ') as u where u.distance is not null'
            || case when v_is_one then '' else ' group by u.product_id' end
            || ' order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
        cross join retail.embedding_models as m
        cross join pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where m.state = 'live' and e.extname = 'vector'
    )
    using v_unit, p_limit, p_compared;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, or measures it again where a tenth of what the store sells has changed
-- since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by what lies between three products that the store does not sell, for
-- questions are as hard as that: each of these itself is mostly next to one that is sold. An index that
-- finds too little is not used.
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
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select s.store_id, s.products, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.products > 1500 and e.extname = 'vector'
        and (s.indexed is null or s.changed > s.products / 10)
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

    -- A graph that does not fit into memory takes many times as long. One process builds it: containers
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
            with (m = 24, ef_construction = 200)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    execute format(
        'select avg((
            select count(*)
            from unnest(c.found) as u (product_id)
            where u.product_id = any (c.nearest)
        ) / cardinality(c.nearest)::numeric)
        from (
            select
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by (a.embedding operator(%1$I.<#>) q.embedding) + 0
                    limit 10
                ) as nearest,
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by a.embedding::%1$I.halfvec(%2$s)
                        operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s)
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
                    limit 52
                ) as e
                window w as (order by e.place)
            ) as q
            where q.embedding is not null
        ) as c',
        v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
    )
    into v_recall;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, changed = 0, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

drop function api._nearest_copied_400(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_200(vector, uuid[], uuid[], integer);
drop function api._nearest_copied_1000(vector, uuid[], uuid[], integer);

-- sources end

alter table retail.search_stores drop column ef_search;
reset role;
