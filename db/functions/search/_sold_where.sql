-- api._sold_where(): what a search looks among, as text: rows of retail.inventory as i under the
-- filters asked for. Not a tool. Row-level security narrows it to the stores of the caller.
-- Text, so that a plan is made for the filters that there are. It is made of typed values only, by
-- whoever runs it: no function takes it as an argument.
create or replace function api._sold_where(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select concat(
        'retail.inventory as i ',
        case
            when p_category_id is not null
                then 'join retail.products as c on c.product_id = i.product_id '
        end,
        'where true',
        case
            when p_category_id is not null
                then format(' and c.category_id = %L::uuid', p_category_id)
        end,
        case when p_min_price is not null then format(' and i.price >= %L::numeric', p_min_price) end,
        case when p_max_price is not null then format(' and i.price <= %L::numeric', p_max_price) end,
        case when p_in_stock then ' and i.stock_level > 0' end
    );
end;

comment on function api._sold_where(uuid, numeric, numeric, boolean) is
    'Rows of retail.inventory as i that a search looks among, as text for FROM and WHERE.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only';
revoke execute on function api._sold_where(uuid, numeric, numeric, boolean) from public;
grant execute on function api._sold_where(uuid, numeric, numeric, boolean)
    to store_manager, regional_manager, head_office;
