-- api._index_products_100(): api._index_products() with hnsw.ef_search = 100, for an index that finds
-- enough with that; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_100(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
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
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with less care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;
