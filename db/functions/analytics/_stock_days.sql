-- api._stock_days(): demand and stock-outs by product, from the stock ledger. Not a tool.
-- The level at the start is the present one less what moved since, so that only the window is
-- read. Between two days with movements the level stays: no row a day is made.
-- A day without stock and without a sale says nothing about demand and is left out of it. Those
-- before a product's opening stock say nothing about stock-outs either: it was not kept yet.
create or replace function api._stock_days(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    product_id uuid,
    units bigint,
    out_days integer,
    selling_days integer,
    daily_variance numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 20000
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    with days as (
        select m.store_id, m.product_id, m.moved_on as day, sum(m.quantity) as moved,
            coalesce(-sum(m.quantity) filter (where m.kind = 'sale'), 0) as sold,
            bool_or(m.kind = 'opening') as is_opening
        from retail.stock_movements as m
        where (p_stores is null or m.store_id = any (p_stores)) and m.moved_on >= p_from
        group by m.store_id, m.product_id, m.moved_on
    ),
    levels as (
        select t.store_id, t.product_id, t.day, t.sold,
            i.stock_level - coalesce(
                sum(t.moved) over (
                    partition by t.store_id, t.product_id
                    order by t.day desc
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as level,
            lead(t.day, 1, p_to + 1) over w as next_day,
            lead(t.is_opening, 1, false) over w as is_before_opening
        from (
            select d.store_id, d.product_id, d.day, d.moved, d.sold, d.is_opening from days as d
            union all
            select n.store_id, n.product_id, p_from - 1, 0, 0, false
            from retail.inventory as n
            where (p_stores is null or n.store_id = any (p_stores))
        ) as t
        join retail.inventory as i on i.store_id = t.store_id and i.product_id = t.product_id
        window w as (partition by t.store_id, t.product_id order by t.day)
    ),
    counted as (
        select l.store_id, l.product_id,
            sum(l.sold) as units,
            sum(l.sold * l.sold) as squares,
            coalesce(sum(o.days) filter (where not l.is_before_opening), 0) as out_days,
            -- Sold out in the course of a day: it ends without stock, but sold.
            sum(o.days) - count(*) filter (where o.days > 0 and l.sold > 0) as lost_days
        from levels as l
        cross join lateral (
            select case
                when l.level <= 0
                    then greatest(0, least(l.next_day, p_to + 1) - greatest(l.day, p_from))
                else 0
            end as days
        ) as o
        where l.day <= p_to
        group by l.store_id, l.product_id
    )
    select c.store_id, c.product_id, c.units::bigint, c.out_days::integer, n.days,
        greatest(0, c.squares - c.units * c.units / nullif(n.days, 0)::numeric)
            / nullif(n.days - 1, 0)
    from counted as c
    cross join lateral (select (p_to - p_from + 1 - c.lost_days)::integer as days) as n;
end;
$function$;

comment on function api._stock_days(uuid[], date, date) is
    'Pieces sold, days that ended without stock, days on which something could be sold, and the variance of pieces sold on those, by store and product.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._stock_days(uuid[], date, date) from public;
grant execute on function api._stock_days(uuid[], date, date)
    to store_manager, regional_manager, head_office;
