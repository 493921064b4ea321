-- api._offer(): what the caller's stores ask for a product and have of it. Not a tool.
create or replace function api._offer(
    p_product_id uuid,
    p_stores uuid[] default null
)
returns table (price numeric, stock_level bigint, in_stock_at text)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    select min(i.price), sum(i.stock_level),
        string_agg(s.store_key, ', ' order by s.store_key) filter (where i.stock_level > 0)
    from retail.inventory as i
    join retail.stores as s on s.store_id = i.store_id
    where i.product_id = p_product_id and (p_stores is null or i.store_id = any (p_stores));
end;

comment on function api._offer(uuid, uuid[]) is
    'Lowest price, pieces on hand and stores that have some, among the stores of the caller; nulls when none sells it.

p_product_id: the product
p_stores: only these stores; null for all that the caller sees';
revoke execute on function api._offer(uuid, uuid[]) from public;
grant execute on function api._offer(uuid, uuid[]) to store_manager, regional_manager, head_office;
