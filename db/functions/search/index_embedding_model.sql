-- zava.index_embedding_model(): builds the index of a model's vectors, once they are all there: a
-- graph built over a full table is better and sooner done than one that grows. Searches go on
-- meanwhile. m and ef_construction are chosen for recall, not for size or for time: of a graph built with less
-- some small part of the catalogue may be out of reach, whatever the effort of searches (docs/benchmarks.md).
create or replace function zava.index_embedding_model(
    p_name text
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_index text := format('product_embeddings_%s_embedding_idx', v_model_id);
    v_statement text;
    v_memory bigint;
begin
    -- One at a time: whoever comes second finds it built, if it looks by a snapshot of its own and not by
    -- to_regclass(), which may not have heard of it yet.
    perform from retail.embedding_models as m where m.model_id = v_model_id for update;
    if zava._has_embedding_index(v_model_id) then
        return false;
    end if;

    -- A graph that does not fit into memory takes many times as long.
    select count(*) * (m.dimensions * 2 + 1200) / 1024 + 8192
    into v_memory
    from retail.embedding_models as m
    join retail.product_embeddings as e on e.model_id = m.model_id
    where m.model_id = v_model_id
    group by m.dimensions;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;

    select format(
        'create index %1$I on retail.%2$I
            using hnsw ((embedding::%3$I.halfvec(%4$s)) %3$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)',
        v_index,
        'product_embeddings_' || v_model_id,
        n.nspname,
        m.dimensions
    )
    into v_statement
    from retail.embedding_models as m
    join pg_catalog.pg_extension as e on e.extname = 'vector'
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.model_id = v_model_id;
    begin
        execute v_statement;
    exception
        -- Containers often have little shared memory, which several processes would build it in.
        when disk_full or out_of_memory then
            perform set_config('max_parallel_maintenance_workers', '0', true);
            execute v_statement;
    end;
    return true;
end;
$function$;

comment on function zava.index_embedding_model(text) is
    'Builds the index of a model''s vectors; false when it is there already.

p_name: name of the model';
revoke execute on function zava.index_embedding_model(text) from public;
