-- zava.store_embeddings(): keeps vectors and ends their leases. A vector of a text that has changed
-- meanwhile is not kept: the product stays to be done; one that is being removed is waited for. real becomes halfvec by assignment, which
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

    with there as materialized (
        select p.product_id
        from retail.products as p
        where p.product_id = any (p_product_ids)
        order by p.product_id
        for key share of p
    )
    insert into retail.product_embeddings as e (model_id, product_id, content_hash, embedding)
    select
        v_model_id,
        g.product_id,
        g.content_hash,
        p_vectors[(g.place - 1) * v_length + 1 : g.place * v_length]
    from unnest(p_product_ids, p_content_hashes)
        with ordinality as g (product_id, content_hash, place)
    join there as t on t.product_id = g.product_id
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
