-- zava.index_search_assortments(): builds one of the indexes that zava._search_indexes() names, of what a store
-- or the stores of a region sell, or measures it again where a tenth of that has changed since. When there is
-- none left it drops indexes that are of no use any more and says false: to be run until then, each time on its
-- own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by questions as zava.check_search_recall() asks, of what is not sold there:
-- these are the furthest. Of few products there are more questions: one may miss all ten, which misleads, and
-- comparing all takes no time. It is searched with the least effort of 80, 100, 200, 400 and 1,000 that finds
-- enough, 99 of 100 (the first two only for 99.5), as long as that takes less than to compare all; if none does,
-- it is not used. Who may neither sort nor read a table through has to follow the index, as searches do:
-- PostgreSQL rather compares two thousand products, and all would be found, whatever the index finds. On 16 that
-- looks so dear that it would compile.
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
    v_asked text[];
    v_furthest double precision[];
    v_nearest bigint;
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
        end as condition,
        -- That of several stores follows who may call this, and no store.
        case
            when cardinality(i.stores) = 1 then 'embedding'
            else 'zava._region_vector(embedding)'
        end as vector
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
            using hnsw ((%6$s::%2$I.halfvec(%3$s)) %2$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)
            where %4$s and model_id = %5$s',
        v_index.name, v_index.schema, v_index.dimensions, v_index.condition, v_index.model_id, v_index.vector
    );

    -- The tenth of the nearest to each question is as far as what is found may be.
    execute format(
        'select array_agg(q.embedding::text), array_agg(c.furthest), max(c.products)
        from (
            select %1$I.l2_normalize(
                e.embedding operator(%1$I.+) e.embedding
                    operator(%1$I.+) lead(e.embedding) over (order by e.place)
            ) as embedding
            from (
                select e.embedding, sha256(e.product_id::text::bytea) as place
                from retail.product_embeddings as e
                where e.model_id = %2$s and not exists (
                    select
                    from retail.search_assortments as a
                    where a.%3$s and a.product_id = e.product_id
                )
                order by place
                limit 1 + greatest(least(5000000 / %4$s, 1000), 200)
            ) as e
        ) as q
        cross join lateral (
            select max(n.distance) as furthest, count(*) as products
            from (
                select (a.embedding operator(%1$I.<#>) q.embedding) + 0 as distance
                from retail.search_assortments as a
                where a.%3$s and a.model_id = %2$s
                order by distance
                limit 10
            ) as n
        ) as c
        where q.embedding is not null',
        v_index.schema, v_index.model_id, v_index.condition, greatest(v_index.products, 1)
    )
    into v_asked, v_furthest, v_nearest;

    foreach v_effort in array array[80, 100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_index.products / 7, 100);
        execute format('set local hnsw.ef_search = %s', v_effort);
        execute format(
            'with asked as materialized (
                select u.embedding::%1$I.halfvec(%2$s) as embedding, u.furthest
                from unnest($1, $2) as u (embedding, furthest)
            )
            select avg((
                select count(*)
                from (
                    select %5$s::%1$I.halfvec(%2$s) operator(%1$I.<#>) q.embedding as distance
                    from retail.search_assortments as a
                    where a.%4$s and a.model_id = %3$s
                    order by distance
                    limit 10
                ) as n
                where n.distance <= q.furthest
            )) / $3
            from asked as q',
            v_index.schema, v_index.dimensions, v_index.model_id, v_index.condition,
            replace(v_index.vector, 'embedding', 'a.embedding')
        )
        into v_recall
        using v_asked, v_furthest, v_nearest;
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
