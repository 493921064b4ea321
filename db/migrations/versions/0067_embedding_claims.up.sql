-- 0067 embedding claims.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/claim_embeddings.sql
-- zava.claim_embeddings(): texts that have no vector of this model, or one of another text, for one
-- worker alone. What is to be done is the difference between two tables: no queue, no trigger.
-- A lease keeps other workers off while the model computes, so that no transaction stays open for
-- that; one that its worker has left behind runs out. Another may have embedded a text and ended its lease
-- since this looked for what to do, which is seen by looking once more. Give the last id that was claimed as p_after,
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
    v_leased uuid[];
    v_done uuid[];
begin
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
    select array_agg(d.product_id) into v_leased from leased as d;

    select array_agg(e.product_id) into v_done
    from retail.product_embeddings as e
    join zava.product_texts() as x on x.product_id = e.product_id and x.content_hash = e.content_hash
    where e.model_id = v_model_id and e.product_id = any (v_leased);

    delete from zava.embedding_leases as l
    where l.model_id = v_model_id and l.product_id = any (v_done);

    return query
    select x.product_id, x.content, x.content_hash
    from zava.product_texts() as x
    where x.product_id = any (v_leased) and x.product_id <> all (coalesce(v_done, '{}'))
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

-- sources end
reset role;
