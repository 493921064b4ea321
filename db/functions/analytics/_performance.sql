-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
-- Orders are asked for by "any" of one store: were it an equality like that of the fence, PostgreSQL
-- would compare the two in a node of its own, through which it would hand every row. The first order
-- of each who bought is looked up by itself, one row of an index, for a join would read all orders that
-- the store ever had; "any" would have it sort them. Customers are counted period by period, in
-- subqueries: to group them PostgreSQL sorts where it expects few, as it does under row-level security.
create or replace function api._performance(
    p_store_id uuid,
    p_time_zone text,
    p_rolled_up_to date,
    p_from date,
    p_to date
)
returns table (
    place integer,
    metric text,
    unit text,
    value numeric,
    previous numeric,
    year_ago numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- 1 the period, 2 as many days before, 3 a year ago: numbers, for text takes longer to compare.
    with periods as materialized (
        select
            p.period,
            p.day_from,
            p.day_to,
            api._day_start(p.day_from, p_time_zone) as moment_from,
            api._day_start(p.day_to + 1, p_time_zone) as moment_to
        from (
            values
                (1, p_from, p_to),
                (2, p_from - (p_to - p_from) - 1, p_from - 1),
                (3, (p_from - interval '1 year')::date, (p_to - interval '1 year')::date)
        ) as p (period, day_from, day_to)
    ),
    sales as (
        select
            p.period,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0) as orders,
            coalesce(sum(d.units), 0) as units,
            coalesce(sum(d.returned_units), 0) as returned_units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from periods as p
        left join api._daily_store_totals(
            p_store_id,
            p_rolled_up_to,
            least(p_from - (p_to - p_from) - 1, (p_from - interval '1 year')::date),
            p_to
        ) as d on d.sold_on between p.day_from and p.day_to
        group by p.period
    ),
    active as (
        select p.period, o.customer_id
        from periods as p
        join retail.orders as o
            on o.order_date >= p.moment_from and o.order_date < p.moment_to
        where o.store_id = any (array[p_store_id])
            and o.status = 'completed'
            and o.customer_id is not null
        group by p.period, o.customer_id
    ),
    first_orders as materialized (
        select
            (
                select o.order_date
                from retail.orders as o
                where o.store_id = p_store_id
                    and o.customer_id = b.customer_id
                    and o.status = 'completed'
                order by o.order_date
                limit 1
            ) as order_date
        from (select distinct a.customer_id from active as a) as b
    ),
    customers as materialized (
        select
            p.period,
            (select count(*) from active as a where a.period = p.period) as active,
            (
                select count(*)
                from first_orders as f
                where f.order_date >= p.moment_from and f.order_date < p.moment_to
            ) as new
        from periods as p
    )
    select
        m.place,
        m.metric,
        m.unit,
        max(m.value) filter (where s.period = 1),
        max(m.value) filter (where s.period = 2),
        max(m.value) filter (where s.period = 3)
    from sales as s
    join customers as c on c.period = s.period
    cross join lateral (
        values
            (1, 'revenue', 'USD', s.revenue),
            (2, 'gross_revenue', 'USD', s.gross_revenue),
            (3, 'orders', 'count', s.orders),
            (4, 'units', 'count', s.units),
            (5, 'average_basket', 'USD', round(s.gross_revenue / nullif(s.orders, 0), 2)),
            (6, 'margin', 'USD', s.margin),
            (7, 'margin_percent', 'percent', api._percent(s.margin, s.revenue)),
            (8, 'returned_units', 'count', s.returned_units),
            (9, 'returned_revenue', 'USD', s.gross_revenue - s.revenue),
            (
                10, 'return_rate', 'percent',
                api._percent(s.returned_units, s.units + s.returned_units)
            ),
            (11, 'active_customers', 'count', c.active),
            (12, 'new_customers', 'count', c.new),
            (13, 'returning_customers', 'count', c.active - c.new)
    ) as m (place, metric, unit, value)
    group by m.place, m.metric, m.unit;
end;

comment on function api._performance(uuid, text, date, date, date) is
    'The figures of one store for a period, as many days before and the same days a year ago, a row each.

p_store_id: the store
p_time_zone: its time zone
p_rolled_up_to: its last day in the rollup; null for none
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._performance(uuid, text, date, date, date) from public;
grant execute on function api._performance(uuid, text, date, date, date)
    to store_manager, regional_manager, head_office;
