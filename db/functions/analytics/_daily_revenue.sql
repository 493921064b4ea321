-- api._daily_revenue(): revenue by store and day, days without sales included. Not a tool.
-- Days that the rollup holds come from there, later ones from the orders, whose total is the sum of
-- their lines: one index-only scan a store.
-- The stores are read once, each time more would be one more check of the context.
-- A store's series begins on the day of its first sale, wherever p_from lies.
create or replace function api._daily_revenue(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (store_id uuid, day date, revenue numeric)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_open date;
    v_range record;
begin
    -- The first day that some store's rollup lacks; later ones are looked for in the orders.
    select min(coalesce(s.rolled_up_to + 1, p_from))
    into v_open
    from retail.stores as s
    where p_stores is null or s.store_id = any (p_stores);
    select r.moment_from, r.moment_to
    into v_range
    from api._date_range(least(greatest(p_from, v_open, date '1900-01-01'), p_to), p_to) as r;

    return query
    with stores as materialized (
        select s.store_id, s.time_zone, s.rolled_up_to
        from retail.stores as s
        where p_stores is null or s.store_id = any (p_stores)
    ),
    sales as materialized (
        select d.store_id, d.sold_on as day, d.revenue
        from stores as s
        join retail.daily_totals as d
            on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
        where d.sold_on between p_from and p_to
        union all
        select o.store_id, t.day, sum(o.total_amount)
        from stores as s
        join retail.orders as o on o.store_id = s.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between p_from and p_to
            and (s.rolled_up_to is null or t.day > s.rolled_up_to)
        group by o.store_id, t.day
    ),
    starts as (
        select s.store_id, greatest(p_from, (f.order_date at time zone s.time_zone)::date) as day
        from stores as s
        cross join lateral (
            select o.order_date
            from retail.orders as o
            where o.store_id = s.store_id and o.status in ('completed', 'return')
            order by o.order_date
            limit 1
        ) as f
    )
    select t.store_id, t.day + n.days, coalesce(a.revenue, 0)
    from starts as t
    cross join lateral generate_series(0, p_to - t.day) as n (days)
    left join sales as a on a.store_id = t.store_id and a.day = t.day + n.days
    order by t.store_id, t.day + n.days;
end;
$function$;

comment on function api._daily_revenue(uuid[], date, date) is
    'Revenue in USD by store and day of its time zone, from its first sale on; 0 on days without sales.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_revenue(uuid[], date, date) from public;
grant execute on function api._daily_revenue(uuid[], date, date)
    to store_manager, regional_manager, head_office;
