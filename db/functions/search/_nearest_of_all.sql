-- api._nearest_of_all(): the products of the catalogue that are nearest to a vector, whoever sells them, by
-- the index of the live model. Not a tool: api._found_products() leaves of them what the caller sells, where
-- that is much. No table of a store is read.
create or replace function api._nearest_of_all(
    p_embedding vector,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_model record;
begin
    select m.model_id, m.dimensions, n.nspname as schema
    into v_model
    from retail.embedding_models as m
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.state = 'live' and e.extname = 'vector';

    return query execute format(
        'select x.product_id, -x.distance::real
        from (
            select e.product_id,
                e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) $1::%1$I.halfvec(%3$s)
                    as distance
            from retail.product_embeddings as e
            where e.model_id = %2$s
            order by distance
            limit %4$s
        ) as x
        order by x.distance, x.product_id',
        v_model.schema, v_model.model_id, v_model.dimensions, p_limit
    )
    using p_embedding;
end;
$function$;

comment on function api._nearest_of_all(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products, up to 100';
revoke execute on function api._nearest_of_all(vector, integer) from public;
grant execute on function api._nearest_of_all(vector, integer)
    to store_manager, regional_manager, head_office;
