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
