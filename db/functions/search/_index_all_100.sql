-- api._index_all_100(): api._index_all() with hnsw.ef_search = 100, for an index that finds enough with that; a
-- setting of a function is a constant. Not a tool.
create or replace function api._index_all_100(
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
begin
    return query
    select n.product_id, n.similarity from api._index_all(p_embedding, p_limit) as n;
end;
$function$;

comment on function api._index_all_100(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products';
revoke execute on function api._index_all_100(vector, integer) from public;
grant execute on function api._index_all_100(vector, integer) to store_manager, regional_manager, head_office;
