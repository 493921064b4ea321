-- 0008 search, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- The extension's types must be found by their names alone.
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
end
$vectors$;

-- sources begin (written by scripts/freeze up to the end mark)

-- zava.activate_embedding_model(): lets search use another model. To readers it is one step: each
-- statement sees either the old model or the new one. The old one keeps its vectors, so that the
-- way back is as short, until it is retired.
create or replace function zava.activate_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_missing bigint;
begin
    -- Whoever else activates, adds or retires a model waits.
    perform from retail.embedding_models as m order by m.model_id for no key update;

    select count(*)
    into v_missing
    from retail.products as p
    where not exists (
        select
        from retail.product_embeddings as e
        where e.model_id = v_model_id and e.product_id = p.product_id
    );
    if v_missing > 0 or not zava._has_embedding_index(v_model_id) then
        raise exception 'model % is not ready: % products have no vector, or there is no index',
            p_name, v_missing
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Fill it first: zava-sql embed.';
    end if;

    update retail.embedding_models as m
    set state = 'building', updated_at = now()
    where m.state = 'live' and m.model_id <> v_model_id;
    update retail.embedding_models as m
    set state = 'live', updated_at = now()
    where m.model_id = v_model_id and m.state <> 'live';
end;
$function$;

comment on function zava.activate_embedding_model(text) is
    'Makes a filled model the one that search uses; the one before keeps its vectors.

p_name: name of the model';
revoke execute on function zava.activate_embedding_model(text) from public;

-- zava.add_embedding_model(): makes room for the vectors of a model: a partition that takes only its
-- length. Can be repeated, also at the same time. Attaching it, unlike creating it in place, lets
-- searches go on; the short lock_timeout keeps them from queueing behind this.
create or replace function zava.add_embedding_model(
    p_name text,
    p_dimensions integer
)
returns smallint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model retail.embedding_models;
    v_partition text;
begin
    if coalesce(p_name !~ '^[[:graph:]]{1,200}$', true) then
        raise exception 'not a name of an embedding model: %',
            coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use 1 to 200 characters without spaces.';
    end if;
    if coalesce(p_dimensions not between 1 and 4000, true) then
        raise exception 'vectors of % dimensions cannot be indexed', coalesce(p_dimensions, 0)
            using errcode = 'invalid_parameter_value', hint = 'Use 1 to 4000 dimensions.';
    end if;

    -- Attaching takes this lock for its foreign key: taken first, two cannot wait for each other.
    lock table retail.embedding_models in share row exclusive mode;
    insert into retail.embedding_models (name, dimensions)
    values (p_name, p_dimensions)
    on conflict (name) do update
    set dimensions = excluded.dimensions, state = 'building', updated_at = now()
    where embedding_models.state = 'retired';

    select * into v_model from retail.embedding_models as m where m.name = p_name;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the vectors of model % have % dimensions, not %',
            p_name, v_model.dimensions, p_dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Give vectors of another length a model name of their own.';
    end if;

    v_partition := format('product_embeddings_%s', v_model.model_id);
    if to_regclass('retail.' || v_partition) is null then
        execute format(
            'create table retail.%1$I (
                like retail.product_embeddings including defaults,
                constraint %2$I check (model_id = %3$s and %4$I.vector_dims(embedding) = %5$s)
            )',
            v_partition,
            v_partition || '_check',
            v_model.model_id,
            (
                select n.nspname
                from pg_catalog.pg_extension as e
                join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
                where e.extname = 'vector'
            ),
            p_dimensions
        );
        execute format('alter table retail.%I owner to zava_owner', v_partition);
        execute format(
            'alter table retail.product_embeddings attach partition retail.%I for values in (%s)',
            v_partition,
            v_model.model_id
        );
    end if;
    return v_model.model_id;
end;
$function$;

comment on function zava.add_embedding_model(text, integer) is
    'Makes room for the vectors of a model beside those of others, and gives its id.

p_name: name of the model
p_dimensions: length of its vectors';
revoke execute on function zava.add_embedding_model(text, integer) from public;

-- zava.embedding_status(): how far each model is, for `zava-sql embed` and whoever looks after it.
create or replace function zava.embedding_status()
returns table (
    model text,
    state text,
    dimensions integer,
    products bigint,
    embedded bigint,
    missing bigint,
    changed bigint,
    leased bigint,
    is_indexed boolean,
    size_bytes bigint
)
language sql
stable
parallel safe
security invoker
begin atomic
    with texts as materialized (
        select t.product_id, t.content_hash from zava.product_texts() as t
    )
    select
        m.name,
        m.state,
        m.dimensions,
        n.products,
        n.embedded,
        n.missing,
        n.products - n.embedded - n.missing,
        (
            select count(*)
            from zava.embedding_leases as l
            where l.model_id = m.model_id and l.leased_until > clock_timestamp()
        ),
        zava._has_embedding_index(m.model_id),
        coalesce(
            pg_total_relation_size(to_regclass(format('retail.product_embeddings_%s', m.model_id))),
            0
        )
    from retail.embedding_models as m
    cross join lateral (
        select
            count(*) as products,
            count(*) filter (where e.content_hash = x.content_hash) as embedded,
            count(*) filter (where e.content_hash is null) as missing
        from texts as x
        left join retail.product_embeddings as e
            on e.model_id = m.model_id and e.product_id = x.product_id
    ) as n
    order by m.model_id;
end;

comment on function zava.embedding_status() is
    'For each model: how many products have a vector of their text, have none, or one of a text that has changed since; what workers hold; whether it is indexed; its size in bytes.';
revoke execute on function zava.embedding_status() from public;

-- zava.index_embedding_model(): builds the index of a model's vectors, once they are all there: a
-- graph built over a full table is better and sooner done than one that grows. Searches go on
-- meanwhile. m and ef_construction are chosen for recall, not for size (docs/embedding.md).
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
    v_statement text;
    v_memory bigint;
begin
    -- One at a time: whoever comes second finds it built.
    perform from retail.embedding_models as m where m.model_id = v_model_id for no key update;
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
            with (m = 24, ef_construction = 200)',
        format('product_embeddings_%s_embedding_idx', v_model_id),
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

-- zava.retire_embedding_model(): drops the vectors of a model that is not live. Detaching needs the
-- table for itself for a moment; the short lock_timeout keeps searches from queueing behind it.
create or replace function zava.retire_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_partition text := format('product_embeddings_%s', v_model_id);
    v_state text;
begin
    select m.state
    into v_state
    from retail.embedding_models as m
    where m.model_id = v_model_id
    for no key update;
    if v_state = 'retired' then
        return;  -- by somebody else, meanwhile
    end if;
    if v_state = 'live' then
        raise exception 'model % is live', p_name
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Activate another one first: zava-sql embed --activate.';
    end if;

    delete from zava.embedding_leases as l where l.model_id = v_model_id;
    if to_regclass('retail.' || v_partition) is not null then
        execute format(
            'alter table retail.product_embeddings detach partition retail.%I', v_partition
        );
        execute format('drop table retail.%I', v_partition);
    end if;
    update retail.embedding_models as m
    set state = 'retired', updated_at = now()
    where m.model_id = v_model_id;
end;
$function$;

comment on function zava.retire_embedding_model(text) is
    'Drops the vectors of a model that search does not use.

p_name: name of the model';
revoke execute on function zava.retire_embedding_model(text) from public;

revoke execute on function api.trending_products(text, text, date, integer, integer, integer) from store_manager, regional_manager, head_office;
drop function api.trending_products(text, text, date, integer, integer, integer)
   ;
drop function api.similar_products(text, boolean, integer);
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) from store_manager, regional_manager, head_office;
drop function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
   ;
drop function zava.refresh_search_words();
drop function api.recommend_for_customer(uuid, boolean, integer);
drop function api.cross_sell(text, text, date, date, integer, integer);
drop function zava.check_search_recall(integer);
drop function api._vector_facts(vector);
drop function api._sold_where(uuid, numeric, numeric, boolean);
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._sold_products(uuid, numeric, numeric, boolean, integer)
   ;
drop function api._similarity(halfvec, vector);
drop function api._query_words(text);
drop function api._word_query(text);
drop function api._product_id(text);
drop function api._product_embedding(uuid);
drop function api._offer(uuid);
drop function api._nearest_word(text);
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer)
   ;
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
   ;
revoke execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer)
   ;
revoke execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer)
   ;
revoke execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._index_products(vector, uuid, numeric, numeric, boolean, integer)
   ;
drop function api._checked_embedding(vector);
drop function api._bought_with(uuid[], uuid[], date, date);

-- sources end

drop table retail.search_recall;
drop table retail.search_words;
drop index retail.products_search_words_idx;
alter table retail.products drop column search_words;

reset role;
