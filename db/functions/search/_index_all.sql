-- api._index_all(): the products of the catalogue nearest to a vector, by the index of the live model, for who
-- sells all of it. Not a tool. As nothing is passed over, the index need not be able to go on where it ends, which
-- takes longer; but rows that are gone may still be in it, so that whoever finds fewer than asked for looks anew.
-- PostgreSQL only takes an index of vectors of a length that is written down. That of the local model is, and the
-- statement planned once; not beside vectors of another model: a plan for both would have to sort those, and sort
-- all. hnsw.ef_search is its caller's.
create or replace function api._index_all(
    p_embedding vector,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
    v_is_only boolean;
begin
    select max(m.model_id) filter (where m.state = 'live'), max(m.dimensions) filter (where m.state = 'live'),
        count(*) = 1
    into v_model_id, v_dimensions, v_is_only
    from retail.embedding_models as m
    where m.state <> 'retired';

    if v_is_only and v_dimensions = 384 then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, 384) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    else
        return query execute format(
            'select x.product_id, -x.distance::real
            from (
                select e.product_id, api._stored_distance(e.embedding, $1, %2$s) as distance
                from retail.product_embeddings as e
                where e.model_id = %1$s
                order by distance
                limit $2
            ) as x
            order by 2 desc, 1',
            v_model_id, v_dimensions
        )
        using v_unit, p_limit;
    end if;
end;
$function$;

comment on function api._index_all(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products';
revoke execute on function api._index_all(vector, integer) from public;
grant execute on function api._index_all(vector, integer) to store_manager, regional_manager, head_office;
