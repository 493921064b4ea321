-- api._similarity_to(): how near a product is to a vector. Not a tool. For the few that were found by words
-- alone, where a search asks for a smallest similarity. Its cost is written down as small: a statement
-- that may call it, and mostly does not, shall keep its plan.
create or replace function api._similarity_to(
    p_product_id uuid,
    p_unit vector
)
returns real
language plpgsql
stable
parallel restricted
security invoker
cost 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return api._similarity(api._product_embedding(p_product_id), p_unit);
end;
$function$;

comment on function api._similarity_to(uuid, vector) is
    'Cosine of the vector of a product by the live model and another one of length 1; null when it has none yet.

p_product_id: the product
p_unit: the other vector';
revoke execute on function api._similarity_to(uuid, vector) from public;
grant execute on function api._similarity_to(uuid, vector)
    to store_manager, regional_manager, head_office;
