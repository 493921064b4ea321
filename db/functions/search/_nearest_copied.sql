-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, which has
-- an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level
-- security decides what is read; api._found_products() has seen that the copies are complete and of the live
-- model. PostgreSQL only knows the index to be right by a condition whose values it sees, so that the statement
-- is planned each time, as any other would be here: the model is the caller's to look up. The index of several
-- stores is one of zava._region_vector(). What these sell is there several times. hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_sort = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_dimensions constant integer := cardinality(p_embedding::real[]);
    v_near record;
    v_found uuid[] := '{}';
    v_similarity real[] := '{}';
begin
    if cardinality(p_stores) = 1 then
        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_stores[1] and a.model_id = p_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    for v_near in
        select a.product_id, api._region_distance(a.embedding, v_unit, v_dimensions) as distance
        from retail.search_assortments as a
        where a.store_id = any (p_stores) and a.model_id = p_model_id
        order by distance
        limit p_limit * cardinality(p_stores)
    loop
        exit when v_near.distance is null;
        if v_near.product_id <> all (v_found) then
            v_found := v_found || v_near.product_id;
            v_similarity := v_similarity || -v_near.distance::real;
        end if;
        exit when cardinality(v_found) = p_limit;
    end loop;
    return query
    select u.product_id, u.similarity
    from unnest(v_found, v_similarity) as u (product_id, similarity)
    order by 2 desc, 1;
end;
$function$;

comment on function api._nearest_copied(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, by its index.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;
