-- 0096 recall of the index itself.
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

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 80, 100, 150, 200 and 400 that finds 99 of 100 (80 only for
-- 99.5), or the most if none does. Search uses it from then on. Run by the administrator after an index was
-- built; not a tool. Reads every vector as often as the sample is large, once; of a small sample one small
-- part of the catalogue to which the index does not lead would be missing, or weigh as much as several.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy. Of
-- products with one text any is as near as another, so that distances are compared, and not products: they
-- pass through texts, which have to name them exactly. Who may not sort has to follow the index, as searches do:
-- of few products PostgreSQL would rather compare all, and find all. On 16 that looks so dear that it would
-- compile.
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
set enable_sort = off
set jit = off
set extra_float_digits = 1
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
-- or the stores of a region sell, or measures it again where a tenth of that has changed since. When there is
-- none left it drops indexes that are of no use any more and says false: to be run until then, each time on its
-- own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by questions as zava.check_search_recall() asks, of what is not sold there:
-- these are the furthest. It is searched with the least effort of 80, 100, 200, 400 and 1,000 that finds enough,
-- 99 of 100 (the first two only for 99.5), as long as that takes less than to compare all; if none does, it is
-- not used. Who may neither sort nor read a table through has to follow the index, as searches do: PostgreSQL
-- rather compares two thousand products, and all would be found, whatever the index finds. On 16 that looks so
-- dear that it would compile.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set enable_seqscan = off
set enable_sort = off
set jit = off
as $function$
declare
    v_index record;
    v_unused name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
    v_patience constant text := current_setting('lock_timeout');
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
        perform set_config('lock_timeout', v_patience, true);
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

-- sources end
reset role;

-- What was measured may have been the rows and not their index: all are measured once more, the next time that
-- zava.index_search_assortments() runs, and searched as before until then.
set local role zava_writer;
update retail.search_stores as s set changed = s.products where s.indexed;
update retail.search_regions as r
set changed = s.products
from retail.search_stores as s
where s.store_id = r.store_id;
reset role;
