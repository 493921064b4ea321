-- 0005 embeddings: storage of vectors for search by meaning. Run by the administrator.
set local lock_timeout = '3s';
set local role zava_owner;

create table zava.embedding_leases (
    model_id smallint not null,
    product_id uuid not null,
    leased_until timestamptz not null,
    constraint embedding_leases_pkey primary key (model_id, product_id),
    constraint embedding_leases_model_id_fkey foreign key (model_id)
        references retail.embedding_models (model_id) on delete cascade
);
alter table zava.embedding_leases enable row level security;
comment on table zava.embedding_leases is
    'Products whose text a worker of zava-sql embed has taken, until when.';

comment on column retail.products.content_hash is 'Digest of name and description.';
comment on column retail.product_embeddings.content_hash is
    'Digest of the text that was embedded, see zava.product_texts(); differs once that has changed.';

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_embedding_model_id.sql
-- zava._embedding_model_id(): finds a model whose vectors are kept. Locks nothing.
create or replace function zava._embedding_model_id(
    p_name text
)
returns smallint
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint;
begin
    select m.model_id
    into v_model_id
    from retail.embedding_models as m
    where m.name = p_name and m.state <> 'retired';

    if v_model_id is null then
        raise exception 'unknown embedding model: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'Fill it with: zava-sql embed.';
    end if;
    return v_model_id;
end;
$function$;

comment on function zava._embedding_model_id(text) is
    'Id of an embedding model that is not retired.

p_name: name of the model';
revoke execute on function zava._embedding_model_id(text) from public;

-- source: db/functions/search/activate_embedding_model.sql
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
    perform from retail.embedding_models as m order by m.model_id for update;

    select count(*)
    into v_missing
    from retail.products as p
    where not exists (
        select
        from retail.product_embeddings as e
        where e.model_id = v_model_id and e.product_id = p.product_id
    );
    if v_missing > 0
        or to_regclass(format('retail.product_embeddings_%s_embedding_idx', v_model_id)) is null
    then
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

-- source: db/functions/search/add_embedding_model.sql
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

    insert into retail.embedding_models (name, dimensions)
    values (p_name, p_dimensions)
    on conflict (name) do update
    set dimensions = excluded.dimensions, state = 'building', updated_at = now()
    where embedding_models.state = 'retired';

    select * into v_model from retail.embedding_models as m where m.name = p_name for update;
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

-- source: db/functions/search/claim_embeddings.sql
-- zava.claim_embeddings(): texts that have no vector of this model, or one of another text, for one
-- worker alone. What is to be done is the difference between two tables: no queue, no trigger.
-- A lease keeps other workers off while the model computes, so that no transaction stays open for
-- that; one that its worker has left behind runs out. Give the last id that was claimed as p_after,
-- and null again when nothing more comes: what was changed or given up meanwhile is found then.
create or replace function zava.claim_embeddings(
    p_model text,
    p_after uuid default null,
    p_limit integer default 256,
    p_lease interval default '1 minute'
)
returns table (product_id uuid, content text, content_hash bytea)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_model);
begin
    return query
    with stale as materialized (
        select p.product_id
        from retail.products as p
        join zava.product_texts() as x on x.product_id = p.product_id
        where (p_after is null or p.product_id > p_after)
            and not exists (
                select
                from retail.product_embeddings as e
                where e.model_id = v_model_id
                    and e.product_id = p.product_id
                    and e.content_hash = x.content_hash
            )
            and not exists (
                select
                from zava.embedding_leases as l
                where l.model_id = v_model_id
                    and l.product_id = p.product_id
                    and l.leased_until > clock_timestamp()
            )
        order by p.product_id
        limit p_limit
        for no key update of p skip locked
    ),
    leased as (
        insert into zava.embedding_leases as l (model_id, product_id, leased_until)
        select v_model_id, s.product_id, clock_timestamp() + p_lease
        from stale as s
        on conflict on constraint embedding_leases_pkey do update
        set leased_until = excluded.leased_until
        where l.leased_until <= clock_timestamp()
        returning l.product_id
    )
    select x.product_id, x.content, x.content_hash
    from leased as d
    join zava.product_texts() as x on x.product_id = d.product_id
    order by x.product_id;
end;
$function$;

comment on function zava.claim_embeddings(text, uuid, integer, interval) is
    'Product texts that a model has yet to embed, leased to the caller.

p_model: name of the model
p_after: only products with a greater id; null for all
p_limit: texts at most
p_lease: time after which others may take them';
revoke execute on function zava.claim_embeddings(text, uuid, integer, interval) from public;

-- source: db/functions/search/product_texts.sql
-- zava.product_texts(): the text of each product that is embedded, the one definition of it. The
-- kind and the category stand before the description, which a model may cut. Of every product: one
-- that is no longer ordered may still be in stock.
create or replace function zava.product_texts()
returns table (product_id uuid, content text, content_hash bytea)
language sql
stable
parallel safe
security invoker
begin atomic
    select x.product_id, x.content, zava.digest(x.content)
    from (
        select
            p.product_id,
            p.name || e'\n' || t.name || ', ' || c.name || e'\n' || p.description as content
        from retail.products as p
        join retail.product_types as t on t.type_id = p.type_id
        join retail.categories as c on c.category_id = p.category_id
    ) as x;
end;

comment on function zava.product_texts() is
    'The text of each product that is embedded for search by meaning, and its digest.';
revoke execute on function zava.product_texts() from public;

-- source: db/functions/search/embedding_status.sql
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
        to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null,
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

-- source: db/functions/search/index_embedding_model.sql
-- zava.index_embedding_model(): builds the index of a model's vectors, once they are all there: a
-- graph built over a full table is better and sooner done than one that grows. Searches go on
-- meanwhile. m and ef_construction are chosen for recall, not for size (docs/search.md).
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
    -- One at a time: whoever comes second finds it built.
    perform from retail.embedding_models as m where m.model_id = v_model_id for update;
    if to_regclass('retail.' || v_index) is not null then
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

-- source: db/functions/search/live_embedding_model.sql
-- zava.live_embedding_model(): which model the server must embed a question with.
-- SECURITY DEFINER: the service login reads it through a function only.
create or replace function zava.live_embedding_model()
returns table (name text, dimensions integer)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select m.name, m.dimensions
    from retail.embedding_models as m
    where m.state = 'live';
end;

comment on function zava.live_embedding_model() is
    'The model that search uses, or no row while none is live.';
revoke execute on function zava.live_embedding_model() from public;
grant execute on function zava.live_embedding_model() to zava_service;

-- source: db/functions/search/release_embeddings.sql
-- zava.release_embeddings(): gives claimed products back, for a worker that stops before its time.
create or replace function zava.release_embeddings(
    p_model text,
    p_product_ids uuid[]
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from zava.embedding_leases as l
    where l.model_id = zava._embedding_model_id(p_model) and l.product_id = any (p_product_ids);
end;
$function$;

comment on function zava.release_embeddings(text, uuid[]) is
    'Ends the leases of products, so that another worker may claim them at once.

p_model: name of the model
p_product_ids: products that were claimed';
revoke execute on function zava.release_embeddings(text, uuid[]) from public;

-- source: db/functions/search/retire_embedding_model.sql
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
    for update;
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

-- source: db/functions/search/store_embeddings.sql
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
reset role;
