-- 0086 reports read their stores once.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._performance(uuid, text, date, date);

-- source: db/functions/analytics/_daily_revenue.sql
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

-- source: db/functions/analytics/_daily_store_totals.sql
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

-- source: db/functions/analytics/_daily_totals.sql
-- api._daily_totals(): sales by store and day, wherever they are kept. Not a tool.
-- Like api._daily_sales(), of the stores' api._daily_store_totals().
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
    cross join lateral api._daily_store_totals(s.store_id, s.rolled_up_to, p_from, p_to) as d
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

-- source: db/functions/analytics/_last_full_day.sql
-- api._last_full_day(): newest day of sales that is over in all stores that the caller sees. Not a tool.
-- A day of which half is missing looks like a bad one, and draws a forecast down. Looks for the newest
-- sale as api._newest_day() does, whose stores would be read once more, for one more check of the context.
create or replace function api._last_full_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select least(max(n.day), min((now() at time zone s.time_zone)::date) - 1)
    from retail.stores as s
    left join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n on true;
end;

comment on function api._last_full_day() is
    'Day of the newest sale or return that the caller sees, or the day before today where that one is not over in each store''s time zone.';
revoke execute on function api._last_full_day() from public;
grant execute on function api._last_full_day() to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_performance.sql
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

-- source: db/functions/analytics/_store_daily_sales.sql
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

-- source: db/functions/analytics/_store_filter.sql
-- api._store_filter(): the stores that a report is narrowed to, or null if that is all the caller
-- sees. Not a tool. Null, and not the list, for row-level security filters by store already: the
-- planner takes a second filter for another reason to expect few rows, and plans for a handful.
-- Reports say "v_stores is null or store_id = any (v_stores)" and are planned for their values
-- (plan_cache_mode), so that of this only what is needed is left.
create or replace function api._store_filter(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores uuid[];
begin
    if p_store is null then
        return null;
    end if;

    v_stores := api._store_ids(p_store);

    return (
        select v_stores from retail.stores as s where s.store_id <> all (v_stores) limit 1
    );
end;
$function$;

comment on function api._store_filter(text) is
    'Ids of the stores that a report is narrowed to; null for no need to.

p_store: key of a store, for example seattle; null for all that the caller sees';
revoke execute on function api._store_filter(text) from public;
grant execute on function api._store_filter(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_cohorts.sql
-- api.customer_cohorts(): how many of the customers who came first in a month came back later.
-- A customer belongs to one store, and so does its first order: who buys in two is two customers.
-- The whole history is read, for it decides which order is the first. From the orders, whose total
-- is the sum of their lines.
create or replace function api.customer_cohorts(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    cohort date,
    customers bigint,
    months_later integer,
    active_customers bigint,
    retention_percent numeric,
    revenue numeric,
    is_complete boolean
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_newest constant date := api._newest_day();
    v_range record;
    v_first date;
begin
    -- It looks for the newest day itself where it is not given it; left to, it says why not p_from.
    select r.* into v_range
    from api._date_range(
        p_from, coalesce(p_to, case when p_from > v_newest then null else v_newest end), 1
    ) as r;
    -- Whole months: the one of p_to and eleven before, unless p_from says otherwise.
    v_first := greatest(
        date_trunc(
            'month', coalesce(p_from::timestamp, v_range.date_to::timestamp - interval '11 months')
        )::date,
        date '1900-01-01'
    );
    select r.* into v_range from api._date_range(v_first, v_range.date_to) as r;

    return query
    with firsts as (
        select o.store_id, o.customer_id, min(o.order_date) as moment
        from retail.orders as o
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status = 'completed'
            and o.order_date < v_range.moment_to
        group by o.store_id, o.customer_id
    ),
    -- Materialized: the store of the fence, on both sides, would stand in the way of each row.
    members as materialized (
        select f.store_id, f.customer_id, s.time_zone,
            date_trunc('month', t.day::timestamp)::date as cohort
        from firsts as f
        join retail.stores as s on s.store_id = f.store_id
        cross join lateral (select (f.moment at time zone s.time_zone)::date as day) as t
        where t.day between v_range.date_from and v_range.date_to
    ),
    months as (
        select m.cohort, date_trunc('month', t.day::timestamp)::date as month,
            bool_or(o.status = 'completed') as is_active,
            sum(o.total_amount) as revenue
        from members as m
        join retail.orders as o on o.store_id = m.store_id and o.customer_id = m.customer_id
        cross join lateral (select (o.order_date at time zone m.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by m.cohort, m.store_id, m.customer_id, date_trunc('month', t.day::timestamp)::date
    ),
    counted as (
        select m.cohort, m.month, count(*) filter (where m.is_active) as active_customers,
            sum(m.revenue) as revenue
        from months as m
        group by m.cohort, m.month
    ),
    cohorts as (
        select c.cohort, c.active_customers as customers
        from counted as c
        where c.month = c.cohort
    )
    select h.cohort, h.customers,
        (row_number() over (partition by h.cohort order by g.month))::integer - 1,
        coalesce(c.active_customers, 0),
        round(100.0 * coalesce(c.active_customers, 0) / h.customers, 2),
        round(coalesce(c.revenue, 0), 2),
        g.month + interval '1 month' <= v_range.date_to + 1
    from cohorts as h
    -- Nothing is said of months that nobody can have come back in yet.
    cross join lateral generate_series(
        h.cohort::timestamp, least(v_range.date_to, v_newest)::timestamp, interval '1 month'
    ) as g (month)
    left join counted as c on c.cohort = h.cohort and c.month = g.month::date
    order by h.cohort, g.month;
end;
$function$;

comment on function api.customer_cohorts(text, date, date) is
    'Retention of customers by month of their first order. For the customers whose first completed order at their store fell in the month cohort (its first day), how many had a completed order 0, 1, 2, ... months_later, in percent of them, and what they brought. Months without one show 0. is_complete is false for a month that p_to cuts short. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; months in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: a day in the first cohort''s month; null for eleven months before p_to
p_to: last day that counts; null for the day of the newest sale';
revoke execute on function api.customer_cohorts(text, date, date) from public;
grant execute on function api.customer_cohorts(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_comparison.sql
-- api.store_comparison(): the caller's stores beside each other, best first.
-- The stores are read once, with their names and their sales: each time more would be one more check of
-- the context. With one plan: to plan for the values at hand took as long as two thirds of the whole.
create or replace function api.store_comparison(
    p_from date default null,
    p_to date default null,
    p_by text default 'revenue'
)
returns table (
    rank bigint,
    store_key text,
    store text,
    revenue numeric,
    revenue_percent numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    return_rate numeric,
    previous_revenue numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_range record;
    v_days integer;
    v_previous date;
    v_year_from date;
    v_year_to date;
begin
    perform api._require_choice(
        'p_by', p_by, array['revenue', 'margin', 'orders', 'units', 'growth']
    );
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;
    v_previous := v_range.date_from - v_days;
    v_year_from := v_range.date_from - interval '1 year';
    v_year_to := v_range.date_to - interval '1 year';

    return query
    -- No day is read twice: a year ago may lie in the days before, in part or whole.
    with spans (day_from, day_to) as (
        values
            (v_previous, v_range.date_to),
            (v_year_from, least(v_year_to, v_previous - 1))
    ),
    compared as (
        select
            s.store_key, s.name,
            coalesce(d.revenue, 0.00) as revenue,
            coalesce(d.orders, 0)::bigint as orders,
            coalesce(d.units, 0)::bigint as units,
            coalesce(d.margin, 0.00) as margin,
            coalesce(d.previous, 0.00) as previous,
            coalesce(d.year_ago, 0.00) as year_ago,
            api._growth(coalesce(d.revenue, 0.00), d.previous) as growth,
            round(d.gross_revenue / nullif(d.orders, 0), 2) as average_basket,
            api._percent(d.returned_units, d.units + d.returned_units) as return_rate
        from retail.stores as s
        cross join lateral (
            select
                sum(t.revenue) filter (where t.sold_on >= v_range.date_from) as revenue,
                sum(t.gross_revenue) filter (where t.sold_on >= v_range.date_from) as gross_revenue,
                sum(t.orders) filter (where t.sold_on >= v_range.date_from) as orders,
                sum(t.units) filter (where t.sold_on >= v_range.date_from) as units,
                sum(t.returned_units) filter (where t.sold_on >= v_range.date_from)
                    as returned_units,
                sum(t.revenue - t.cost) filter (where t.sold_on >= v_range.date_from) as margin,
                sum(t.revenue) filter (
                    where t.sold_on >= v_previous and t.sold_on < v_range.date_from
                ) as previous,
                sum(t.revenue) filter (where t.sold_on between v_year_from and v_year_to)
                    as year_ago
            from spans as p
            cross join lateral api._daily_store_totals(
                s.store_id, s.rolled_up_to, p.day_from, p.day_to
            ) as t
            where p.day_from <= p.day_to
        ) as d
        where v_days is not null
    )
    select
        rank() over (
            order by
                case p_by
                    when 'margin' then c.margin
                    when 'orders' then c.orders
                    when 'units' then c.units
                    when 'growth' then c.growth
                    else c.revenue
                end desc nulls last
        ) as place,
        c.store_key, c.name, c.revenue, api._percent(c.revenue, sum(c.revenue) over ()),
        c.orders, c.units, c.average_basket, c.margin, api._percent(c.margin, c.revenue),
        c.return_rate, c.previous, c.growth, c.year_ago, api._growth(c.revenue, c.year_ago)
    from compared as c
    order by place, c.store_key;
end;
$function$;

comment on function api.store_comparison(date, date, text) is
    'Your stores side by side, against as many days before (previous) and the same days a year ago. Equal stores share a rank. average_basket: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold. USD after discount, without tax, net of returns; days of each store''s time zone.

p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_performance.sql
-- api.store_performance(): how one store does, against the period before and a year ago.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api.store_performance(
    p_store_id uuid,
    p_from date default null,
    p_to date default null
)
returns table (
    metric text,
    unit text,
    value numeric,
    previous numeric,
    change numeric,
    year_ago numeric,
    year_change numeric,
    insights text[],
    period_from date,
    period_to date
)
language plpgsql
stable
parallel restricted
security invoker
rows 13
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_store record;
    v_range record;
    v_days integer;
begin
    select s.time_zone, s.rolled_up_to into v_store
    from retail.stores as s
    where s.store_id = p_store_id;
    if v_store.time_zone is null then
        raise exception 'store % is not visible to you', coalesce(p_store_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'retail.stores has the ids of your stores, api.whoami() their keys.';
    end if;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    select
        p.metric, p.unit, p.value, p.previous,
        case p.unit when 'percent' then p.value - p.previous
            else api._growth(p.value, p.previous) end,
        p.year_ago,
        case p.unit when 'percent' then p.value - p.year_ago
            else api._growth(p.value, p.year_ago) end,
        api._insights(p.metric, p.value, p.previous, p.year_ago, v_days),
        v_range.date_from, v_range.date_to
    from api._performance(
        p_store_id, v_store.time_zone, v_store.rolled_up_to, v_range.date_from, v_range.date_to
    ) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue (after discount, net of returns), gross_revenue (before returns), orders (completed), units (net of returns), average_basket (gross_revenue / orders), margin (revenue less purchase cost), margin_percent (of revenue), returned_units, returned_revenue, return_rate (pieces returned in percent of pieces sold) and active_customers (with a completed order), new_customers (their first one here) and returning_customers (the others). Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
