-- api._base_customers(): orders of one store by customer and day, from the orders. Not a tool.
-- The one place where orders become the measures of retail.daily_customers. An order's total is the
-- sum of its lines; its cost is in the lines only, as is what it sold where it took something back too,
-- and is looked up order by order, for an order without lines counts too.
create or replace function api._base_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    customer_id uuid,
    sold_on date,
    orders bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        o.customer_id,
        d.sold_on,
        count(*) filter (where o.status = 'completed'),
        coalesce(sum(c.gross_revenue), 0),
        sum(o.total_amount),
        coalesce(sum(c.cost), 0)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    cross join lateral (
        select sum(i.quantity * i.unit_cost) as cost,
            sum(i.total_amount) filter (where i.quantity > 0) as gross_revenue
        from retail.order_items as i
        where i.store_id = s.store_id and i.order_id = o.order_id
    ) as c
    where o.customer_id is not null and o.status in ('completed', 'return')
    group by o.customer_id, d.sold_on;
end;

comment on function api._base_customers(uuid, date, date) is
    'Orders, revenue and cost of one store by customer and day, computed from the orders.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_customers(uuid, date, date) from public;
grant execute on function api._base_customers(uuid, date, date)
    to store_manager, regional_manager, head_office;
