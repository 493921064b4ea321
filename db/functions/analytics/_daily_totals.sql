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
        d.store_id,
        d.sold_on,
        d.orders::bigint,
        d.units::bigint,
        d.returned_units::bigint,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    join retail.daily_totals as d on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
    where s.store_id = any (p_stores) and d.sold_on between p_from and p_to
    union all
    select
        s.store_id,
        b.sold_on,
        0::bigint,
        b.units,
        b.returned_units,
        b.gross_revenue,
        b.revenue,
        b.cost,
        b.discount_amount
    from retail.stores as s
    cross join lateral api._base_sales(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = any (p_stores) and (s.rolled_up_to < p_to or s.rolled_up_to is null)
    union all
    select s.store_id, b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric,
        0::numeric, 0::numeric
    from retail.stores as s
    cross join lateral api._base_orders(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = any (p_stores) and (s.rolled_up_to < p_to or s.rolled_up_to is null);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;
