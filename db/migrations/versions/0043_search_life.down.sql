-- 0043 search life, undone.
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
            bit_or(s.sold), bool_and(s.copied), bool_or(not s.indexed), max(f.products),
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
        -- its own finds too little of lies together, and the index of all would find still less.
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

-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, and drops indexes that are of no use any more. False when there was none
-- to build: to be run until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on meanwhile; only another refresh waits.
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
    perform pg_advisory_xact_lock(hashtext('zava.index_search_assortments'));

    for v_index in
        select c.relname
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        where i.indrelid = 'retail.search_assortments'::regclass
            and not i.indisprimary
            and not exists (
                select
                from retail.search_stores as s
                where s.copied
                    and c.relname = format(
                        'search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), s.model_id
                    )
            )
    loop
        execute format('drop index retail.%I', v_index);
    end loop;

    select s.store_id, s.products, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.indexed is null and s.products > 1500 and e.extname = 'vector'
    order by s.products desc, s.store_id
    limit 1;
    if not found then
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
    set indexed = coalesce(v_recall, 1) >= 0.99, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none; false when there is none to build.';
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
        returning 1
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
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

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
        indexed = case when excluded.copied and s.model_id = excluded.model_id then s.indexed end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides. A product whose article number is asked for comes
-- before both.
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
    v_query constant text := btrim(p_query, e' \t\r\n');
    v_words tsquery;
    v_category uuid;
    v_named uuid[];
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * p_limit, 20);
    v_unit p_query_embedding%type;
    v_searched_by text;
    v_taken boolean := num_nulls(p_category, p_min_price, p_max_price) = 3 and not v_in_stock;
begin
    if p_limit is null or p_limit not between 1 and 100
        or p_min_price not between 0 and 1e9
        or p_max_price not between 0 and 1e9
        or p_min_similarity not between -1 and 1
    then
        perform api._require_range('p_limit', p_limit, 1, 100);
        perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
        perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
        perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    end if;
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;
    if p_min_price > p_max_price then
        raise exception 'p_min_price (%) is above p_max_price (%)', p_min_price, p_max_price
            using errcode = 'invalid_parameter_value', hint = 'Swap the two prices.';
    end if;

    if p_category is not null then
        v_category := api._category_id(p_category);
    end if;
    if p_query_embedding is not null then
        v_unit := api._checked_embedding(p_query_embedding);
    end if;
    v_searched_by := case
        when v_unit is not null then 'meaning and words'
        when p_query_embedding is null then 'words only: the text was not embedded'
        else 'words only: no model is live'
    end;
    -- Any of the words, as they are looked for.
    v_words := replace(plainto_tsquery('english', v_query)::text, ' & ', ' | ')::tsquery;
    -- Of fewer characters, numbers are sizes.
    if v_query ~ '(?=\S{4})\S*[0-9]' then
        v_named := array(
            select p.product_id
            from retail.products as p
            where p.sku in (
                    select w.sku
                    from (
                        select regexp_split_to_table(v_query, '[.]*[\s,;:?!()"]+|[.]+$')
                        union
                        -- In quotes of any kind, with hyphens of any kind, one beside another.
                        select btrim(
                            regexp_split_to_table(
                                translate(v_query, u&'\2010\2011\2012\2013\2014', '-----'),
                                '[^[:alnum:]-]+'
                            ), '-'
                        )
                    ) as t (word)
                    cross join lateral (values (t.word), (upper(t.word))) as w (sku)
                    where t.word ~ '[0-9]' and length(t.word) > 3
                )
                and (v_category is null or p.category_id = v_category)
                and exists (
                    select
                    from retail.inventory as i
                    where i.product_id = p.product_id
                        and (p_min_price is null or i.price >= p_min_price)
                        and (p_max_price is null or i.price <= p_max_price)
                        and (not v_in_stock or i.stock_level > 0)
                )
        );
    end if;

    -- What was taken up for search may not be sold any more: then nothing is shown, and all looked for anew.
    loop
        return query
        with lists as (
            select f.product_id, f.similarity,
                case
                    when f.coverage is null then 1.0 / (20 + f.place)
                    else 2 * f.coverage ^ 2 / (20 + f.place)
                end as worth,
                case when f.coverage is null then 'meaning' else 'words' end as side
            from api._found_products(
                v_unit, v_query, v_category, p_min_price, p_max_price, v_in_stock, v_depth, v_taken
            ) as f
            union all
            select n.product_id, null, 1, 'sku' from unnest(v_named) as n (product_id)
        ),
        merged as (
            select l.product_id, sum(l.worth) as worth,
                -- What only words have found is compared where that is asked for.
                coalesce(max(l.similarity), case
                    when p_min_similarity is not null then api._similarity_to(l.product_id, v_unit)
                end) as similarity,
                case
                    when bool_or(l.side = 'sku') then 'sku'
                    when count(*) = 2 then 'both'
                    else min(l.side)
                end as found_by
            from lists as l
            group by l.product_id
        ),
        best as (
            select m.*, row_number() over (order by m.worth desc, m.product_id) as rank
            from merged as m
            where p_min_similarity is null or m.similarity is null or m.found_by = 'sku'
                or m.similarity >= p_min_similarity
            order by rank
            limit p_limit
        ),
        shown as (
            select b.*, o.*, every(o.stock_level is not null) over () as is_sold
            from best as b
            cross join lateral api._offer(b.product_id) as o
        )
        select s.rank, s.product_id, p.sku, p.name, c.name, s.price, s.stock_level, s.in_stock_at,
            round(s.worth::numeric, 5), round(s.similarity::numeric, 3), s.found_by, v_searched_by,
            ts_headline(
                'english', p.description, v_words,
                'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
            )
        from shown as s
        join retail.products as p on p.product_id = s.product_id
        join retail.categories as c on c.category_id = p.category_id
        where s.is_sold or not v_taken
        order by s.rank;
        exit when found or not v_taken;
        v_taken := false;
    end loop;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words, both or sku. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists, and 1 for the sku. headline: the description with the words asked for in **.

p_query: words, a question or a sku
p_query_embedding: vector of p_query by the live model; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; where it is unknown, or asked for by sku, a product stays; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;

-- zava.store_embeddings(): keeps vectors and ends their leases. A vector of a text that has changed
-- meanwhile is not kept: the product stays to be done. real becomes halfvec by assignment, which
-- refuses what is not a number; the partition refuses another length.
create or replace function zava.store_embeddings(
    p_model text,
    p_product_ids uuid[],
    p_content_hashes bytea[],
    p_vectors real[]
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_model);
    v_length integer;
    v_stored integer;
begin
    select m.dimensions
    into v_length
    from retail.embedding_models as m
    where m.model_id = v_model_id;

    if coalesce(cardinality(p_content_hashes) <> cardinality(p_product_ids), true)
        or coalesce(cardinality(p_vectors) <> cardinality(p_product_ids) * v_length, true)
    then
        raise exception '% products, % hashes and % numbers do not fit model % of % dimensions',
            cardinality(p_product_ids), cardinality(p_content_hashes), cardinality(p_vectors),
            p_model, v_length
            using errcode = 'invalid_parameter_value',
                  hint = 'Give a hash for each product, and all vectors one after the other.';
    end if;

    insert into retail.product_embeddings as e (model_id, product_id, content_hash, embedding)
    select
        v_model_id,
        g.product_id,
        g.content_hash,
        p_vectors[(g.place - 1) * v_length + 1 : g.place * v_length]
    from unnest(p_product_ids, p_content_hashes)
        with ordinality as g (product_id, content_hash, place)
    join zava.product_texts() as x
        on x.product_id = g.product_id and x.content_hash = g.content_hash
    order by g.product_id
    on conflict on constraint product_embeddings_pkey do update
    set content_hash = excluded.content_hash, embedding = excluded.embedding, updated_at = now();
    get diagnostics v_stored = row_count;

    delete from zava.embedding_leases as l
    where l.model_id = v_model_id and l.product_id = any (p_product_ids);
    return v_stored;
end;
$function$;

comment on function zava.store_embeddings(text, uuid[], bytea[], real[]) is
    'Keeps the vectors of texts that are still the same, and tells how many.

p_model: name of the model
p_product_ids: products, each once
p_content_hashes: digests of the texts that were embedded, in the same order
p_vectors: their normalised vectors, one after the other';
revoke execute on function zava.store_embeddings(text, uuid[], bytea[], real[]) from public;

-- sources end

-- squawk-ignore ban-drop-column
alter table retail.search_stores drop column changed;
reset role;
