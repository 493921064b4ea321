-- api._daily_totals(): sales by store and day, wherever they are kept. Not a tool.
-- Like api._daily_sales(). A day that is not stored yet comes in several rows, which add up: one a
-- category, and one with the number of orders, which categories do not tell.
create or replace function api._daily_totals(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        s.store_id,
        d.sold_on,
        d.orders,
        d.units,
        d.returned_units,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    cross join lateral (
        select
            t.sold_on,
            t.orders::bigint as orders,
            t.units::bigint as units,
            t.returned_units::bigint as returned_units,
            t.gross_revenue,
            t.revenue,
            t.cost,
            t.discount_amount
        from retail.daily_totals as t
        where t.store_id = s.store_id
            and t.sold_on between p_from and p_to
            and t.sold_on <= s.rolled_up_to
        union all
        select
            b.sold_on,
            0::bigint,
            b.units,
            b.returned_units,
            b.gross_revenue,
            b.revenue,
            b.cost,
            b.discount_amount
        from api._base_sales(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
        union all
        select b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric,
            0::numeric
        from api._base_orders(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
    ) as d
    where p_stores is null or s.store_id = any (p_stores);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores; null for all that the caller sees
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;
