-- api.cross_sell(): what the customers of the caller's stores buy together with a product. Ranked by
-- orders beyond chance: lift alone puts first what met by accident once.
create or replace function api.cross_sell(
    p_sku text,
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_min_orders integer default 2,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    orders_together bigint,
    support_percent numeric,
    confidence_percent numeric,
    lift numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_stores constant uuid[] := api._store_filter(p_store);
begin
    perform api._require_range('p_min_orders', p_min_orders, 1, 1000000);
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with best as (
        select b.*, row_number() over (
            order by b.beyond_chance desc, b.lift desc, b.other_id
        ) as rank
        from api._bought_with(array[v_product_id], v_stores, p_from, p_to) as b
        where b.beyond_chance > 0 and b.orders_together >= p_min_orders
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.orders_together, api._percent(b.orders_together, b.orders),
        api._percent(b.orders_together, b.orders_with), b.lift,
        format(
            'in %s of the %s orders with it; %s would be chance', b.orders_together, b.orders_with,
            b.orders_together - b.beyond_chance
        )
    from best as b
    join retail.products as p on p.product_id = b.other_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function api.cross_sell(text, text, date, date, integer, integer) is
    'What is bought in one order with a product more often than by chance, the most orders beyond it first. confidence_percent: share of the orders with the product that hold the other too; support_percent: of all orders; lift: how many times more often than by chance. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_sku: article number, for example HT-HAM-001
p_store: key of a store; null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_min_orders: with both
p_limit: 1 to 100';
revoke execute on function api.cross_sell(text, text, date, date, integer, integer) from public;
grant execute on function api.cross_sell(text, text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;
