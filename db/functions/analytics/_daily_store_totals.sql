-- api._daily_store_totals(): sales of one store by day, wherever they are kept. Not a tool.
-- Days that the store has closed come from the rollup, later ones from the lines. A day that is not
-- stored yet comes in several rows, which add up: one a category, and one with the number of orders,
-- which categories do not tell. The last closed day is an argument, for who asks has read the store: to
-- read it here would be one more check of the context.
create or replace function api._daily_store_totals(
    p_store_id uuid,
    p_rolled_up_to date,
    p_from date,
    p_to date
)
returns table (
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
        t.sold_on,
        t.orders::bigint,
        t.units::bigint,
        t.returned_units::bigint,
        t.gross_revenue,
        t.revenue,
        t.cost,
        t.discount_amount
    from retail.daily_totals as t
    where t.store_id = p_store_id
        and t.sold_on between p_from and p_to
        and t.sold_on <= p_rolled_up_to
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
    from api._base_sales(p_store_id, greatest(p_from, p_rolled_up_to + 1), p_to) as b
    where p_rolled_up_to < p_to or p_rolled_up_to is null
    union all
    select b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric, 0::numeric
    from api._base_orders(p_store_id, greatest(p_from, p_rolled_up_to + 1), p_to) as b
    where p_rolled_up_to < p_to or p_rolled_up_to is null;
end;

comment on function api._daily_store_totals(uuid, date, date, date) is
    'Sales of one store by day of its time zone; a day may come in several rows that add up.

p_store_id: the store
p_rolled_up_to: its last day in the rollup; null for none
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_store_totals(uuid, date, date, date) from public;
grant execute on function api._daily_store_totals(uuid, date, date, date)
    to store_manager, regional_manager, head_office;
