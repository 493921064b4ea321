-- api._nearest_copied_100(): api._nearest_copied() with hnsw.ef_search = 100, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_100(
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
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_100(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_100(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_100(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;
