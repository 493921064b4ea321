-- api._base_orders(): completed orders of one store by day, from the orders. Not a tool.
-- Beside api._base_sales() and like it: orders do not add up over categories.
create or replace function api._base_orders(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (sold_on date, orders bigint)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
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
    select d.sold_on, count(*)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    where o.status = 'completed'
    group by d.sold_on;
end;
$function$;

comment on function api._base_orders(uuid, date, date) is
    'Completed orders of one store by day.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_orders(uuid, date, date) from public;
grant execute on function api._base_orders(uuid, date, date)
    to store_manager, regional_manager, head_office;
