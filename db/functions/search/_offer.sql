-- api._offer(): what the caller's stores ask for a product and have of it. Not a tool.
create or replace function api._offer(
    p_product_id uuid
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
    where i.product_id = p_product_id;
end;

comment on function api._offer(uuid) is
    'Lowest price, pieces on hand and stores that have some, among the stores of the caller; nulls when none sells it.

p_product_id: the product';
revoke execute on function api._offer(uuid) from public;
grant execute on function api._offer(uuid) to store_manager, regional_manager, head_office;
