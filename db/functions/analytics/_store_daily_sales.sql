-- zava._store_daily_sales(): writes the rollup of one store and some days, for
-- zava.refresh_daily_sales(), which holds the lock and moves the mark. Not a tool.
-- One statement, one snapshot: both tables tell the same. Only rows that differ are written, by day: who
-- reads some days of a store finds them together.
create or replace function zava._store_daily_sales(
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
        select b.* from api._base_sales(p_store_id, p_from, p_to) as b
    ),
    totals as materialized (
        select b.sold_on, sum(b.lines) as lines, sum(b.orders) as orders, sum(b.units) as units,
            sum(b.returned_units) as returned_units, sum(b.gross_revenue) as gross_revenue,
            sum(b.revenue) as revenue, sum(b.cost) as cost,
            sum(b.discount_amount) as discount_amount
        from (
            select f.sold_on, f.lines, 0 as orders, f.units, f.returned_units, f.gross_revenue,
                f.revenue, f.cost, f.discount_amount
            from fresh as f
            union all
            select o.sold_on, 0, o.orders, 0, 0, 0, 0, 0, 0
            from api._base_orders(p_store_id, p_from, p_to) as o
        ) as b
        group by b.sold_on
    ),
    gone as (
        delete from retail.daily_sales as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and (d.sold_on, d.category_id) not in (
                select f.sold_on, f.category_id from fresh as f
            )
        returning 1
    ),
    gone_totals as (
        delete from retail.daily_totals as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and d.sold_on not in (select t.sold_on from totals as t)
        returning 1
    ),
    kept as (
        insert into retail.daily_sales as d (
            store_id, sold_on, category_id, lines, orders, units, returned_units, gross_revenue,
            revenue, cost, discount_amount
        )
        select p_store_id, f.sold_on, f.category_id, f.lines, f.orders, f.units, f.returned_units,
            f.gross_revenue, f.revenue, f.cost, f.discount_amount
        from fresh as f
        order by f.sold_on, f.category_id
        on conflict (store_id, sold_on, category_id) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    ),
    kept_totals as (
        insert into retail.daily_totals as d (
            store_id, sold_on, lines, orders, units, returned_units, gross_revenue, revenue, cost,
            discount_amount
        )
        select p_store_id, t.sold_on, t.lines, t.orders, t.units, t.returned_units,
            t.gross_revenue, t.revenue, t.cost, t.discount_amount
        from totals as t
        order by t.sold_on
        on conflict (store_id, sold_on) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from gone_totals)
        + (select count(*) from kept) + (select count(*) from kept_totals);
end;

comment on function zava._store_daily_sales(uuid, date, date) is
    'Writes the daily rollup of one store anew and tells how many rows that changed.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function zava._store_daily_sales(uuid, date, date) from public;
