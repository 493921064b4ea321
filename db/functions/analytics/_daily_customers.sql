-- api._daily_customers(): orders of one store by customer and day, wherever they are kept. Not a
-- tool. Like api._daily_sales(), but of one store: what a report sums up by customer is summed up
-- store by store, in a table of groups that fits the processor's cache.
create or replace function api._daily_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    customer_id uuid,
    sold_on date,
    orders integer,
    gross_revenue numeric,
    revenue numeric,
    cost numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select d.customer_id, d.sold_on, d.orders, d.gross_revenue, d.revenue, d.cost
    from retail.stores as s
    join retail.daily_customers as d on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
    where s.store_id = p_store_id and d.sold_on between p_from and p_to
    union all
    select b.customer_id, b.sold_on, b.orders::integer, b.gross_revenue, b.revenue, b.cost
    from retail.stores as s
    cross join lateral api._base_customers(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = p_store_id and (s.rolled_up_to < p_to or s.rolled_up_to is null);
end;

comment on function api._daily_customers(uuid, date, date) is
    'Orders, revenue and cost of one store by customer and day of its time zone.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_customers(uuid, date, date) from public;
grant execute on function api._daily_customers(uuid, date, date)
    to store_manager, regional_manager, head_office;
