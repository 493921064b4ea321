-- zava._store_daily_customers(): writes the rollup by customer of one store and some days, beside
-- zava._store_daily_sales() and like it. Only rows that differ are written.
create or replace function zava._store_daily_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns bigint
language sql
volatile
parallel unsafe
security invoker
begin atomic
    with fresh as materialized (
        select b.* from api._base_customers(p_store_id, p_from, p_to) as b
    ),
    gone as (
        delete from retail.daily_customers as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and not exists (
                select from fresh as f
                where f.customer_id = d.customer_id and f.sold_on = d.sold_on
            )
        returning 1
    ),
    kept as (
        insert into retail.daily_customers as d (
            store_id, customer_id, sold_on, orders, gross_revenue, revenue, cost
        )
        select p_store_id, f.customer_id, f.sold_on, f.orders, f.gross_revenue, f.revenue, f.cost
        from fresh as f
        on conflict (store_id, customer_id, sold_on) do update
        set orders = excluded.orders, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost, updated_at = now()
        where (d.orders, d.gross_revenue, d.revenue, d.cost)
            is distinct from
            (excluded.orders, excluded.gross_revenue, excluded.revenue, excluded.cost)
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from kept);
end;

comment on function zava._store_daily_customers(uuid, date, date) is
    'Writes the daily rollup by customer of one store anew and tells how many rows that changed.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function zava._store_daily_customers(uuid, date, date) from public;
