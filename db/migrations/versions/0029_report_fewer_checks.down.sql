-- 0029 report fewer checks, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

DROP FUNCTION api._performance(uuid,text,date,date);

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
    v_range record;
    v_days integer;
begin
    if not exists (select from retail.stores as s where s.store_id = p_store_id) then
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
    from api._performance(p_store_id, v_range.date_from, v_range.date_to) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue, gross_revenue, orders, units, average_basket, margin, margin_percent, returned_units, returned_revenue, return_rate and active, new and returning customers. Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- api._daily_sales(): sales by store, day and category, wherever they are kept. Not a tool.
-- Days up to stores.rolled_up_to come from the rollup, later ones from the lines: one snapshot
-- sees both, so that a day is never counted twice or left out. The stores are read once: each
-- table with policies costs a check of the context.
create or replace function api._daily_sales(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    category_id uuid,
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
        d.category_id,
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
            t.category_id,
            t.orders::bigint as orders,
            t.units::bigint as units,
            t.returned_units::bigint as returned_units,
            t.gross_revenue,
            t.revenue,
            t.cost,
            t.discount_amount
        from retail.daily_sales as t
        where t.store_id = s.store_id
            and t.sold_on between p_from and p_to
            and t.sold_on <= s.rolled_up_to
        union all
        select
            b.sold_on,
            b.category_id,
            b.orders,
            b.units,
            b.returned_units,
            b.gross_revenue,
            b.revenue,
            b.cost,
            b.discount_amount
        from api._base_sales(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
    ) as d
    where s.store_id = any (p_stores);
end;

comment on function api._daily_sales(uuid[], date, date) is
    'Sales by store, day of its time zone and category. Orders are those with a sold line of the category.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_sales(uuid[], date, date) from public;
grant execute on function api._daily_sales(uuid[], date, date)
    to store_manager, regional_manager, head_office;

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
    where s.store_id = any (p_stores);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- api._oldest_day(): day of the first sale of these stores. Not a tool.
-- One probe of the index a store, like api._newest_day(). With one plan: reports that have their own
-- statements planned for the values at hand would have this planned anew each time.
create or replace function api._oldest_day(
    p_stores uuid[]
)
returns date
language sql
stable
parallel restricted
security invoker
set plan_cache_mode = force_generic_plan
begin atomic
    select min(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date
        limit 1
    ) as n
    where s.store_id = any (p_stores);
end;

comment on function api._oldest_day(uuid[]) is
    'Day of the first sale of some stores, in the time zone of its store. Null when there is none.

p_stores: ids of the stores';
revoke execute on function api._oldest_day(uuid[]) from public;
grant execute on function api._oldest_day(uuid[]) to store_manager, regional_manager, head_office;

-- api.category_performance(): every category, against the period before and a year ago.
-- With one plan, like api.sales_trend().
create or replace function api.category_performance(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    category text,
    revenue numeric,
    revenue_percent numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    margin numeric,
    margin_percent numeric,
    discount_amount numeric,
    returned_units bigint,
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
    v_stores constant uuid[] := api._store_ids(p_store);
    v_range record;
    v_days integer;
begin
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    with periods (period, day_from, day_to) as (
        values
            ('now', v_range.date_from, v_range.date_to),
            ('previous', v_range.date_from - v_days, v_range.date_from - 1),
            (
                'year', (v_range.date_from - interval '1 year')::date,
                (v_range.date_to - interval '1 year')::date
            )
    ),
    sums as (
        select
            d.category_id,
            sum(d.revenue) filter (where p.period = 'now') as revenue,
            sum(d.gross_revenue) filter (where p.period = 'now') as gross_revenue,
            (sum(d.orders) filter (where p.period = 'now'))::bigint as orders,
            (sum(d.units) filter (where p.period = 'now'))::bigint as units,
            sum(d.revenue - d.cost) filter (where p.period = 'now') as margin,
            sum(d.discount_amount) filter (where p.period = 'now') as discount_amount,
            (sum(d.returned_units) filter (where p.period = 'now'))::bigint as returned_units,
            sum(d.revenue) filter (where p.period = 'previous') as previous_revenue,
            sum(d.revenue) filter (where p.period = 'year') as year_ago_revenue
        from periods as p
        cross join lateral api._daily_sales(v_stores, p.day_from, p.day_to) as d
        group by d.category_id
    )
    select
        c.name,
        coalesce(s.revenue, 0.00),
        api._percent(coalesce(s.revenue, 0.00), sum(s.revenue) over ()),
        coalesce(s.gross_revenue, 0.00),
        coalesce(s.orders, 0),
        coalesce(s.units, 0),
        coalesce(s.margin, 0.00),
        api._percent(s.margin, s.revenue),
        coalesce(s.discount_amount, 0.00),
        coalesce(s.returned_units, 0),
        api._percent(s.returned_units, s.units + s.returned_units),
        coalesce(s.previous_revenue, 0.00),
        api._growth(coalesce(s.revenue, 0.00), s.previous_revenue),
        coalesce(s.year_ago_revenue, 0.00),
        api._growth(coalesce(s.revenue, 0.00), s.year_ago_revenue)
    from retail.categories as c
    left join sums as s on s.category_id = c.category_id
    where cardinality(v_stores) > 0 and v_days is not null
    order by coalesce(s.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Revenue, margin and returns by category, against as many days before and the same days a year ago. orders: those in which something of the category was sold; they do not add up. USD without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
    to store_manager, regional_manager, head_office;

-- api.sales_trend(): sales by day, week, month or quarter, without gaps.
-- Periods before p_from are read too, for the moving average and the growth of the first ones.
-- Days and weeks compare with 364 days before, which is the same weekday.
-- With one plan: to plan for the values at hand took as long as a third of the whole.
create or replace function api.sales_trend(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_period text default 'day'
)
returns table (
    period_from date,
    period_to date,
    is_complete boolean,
    revenue numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    moving_average numeric,
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
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_step interval;
    v_year interval;
    v_width integer;
    v_range record;
    v_first date;
begin
    perform api._require_choice('p_period', p_period, array['day', 'week', 'month', 'quarter']);
    select u.step, u.year, u.width
    into v_step, v_year, v_width
    from (
        values
            ('day', interval '1 day', interval '364 days', 7),
            ('week', interval '7 days', interval '364 days', 4),
            ('month', interval '1 month', interval '1 year', 3),
            ('quarter', interval '3 months', interval '1 year', 4)
    ) as u (period, step, year, width)
    where u.period = p_period;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    if p_from is null and p_period <> 'day' then
        v_range.date_from := date_trunc(p_period, v_range.date_to::timestamp)
            - v_step * case p_period when 'week' then 12 when 'month' then 11 else 7 end;
    end if;
    v_first := date_trunc(p_period, v_range.date_from::timestamp);
    -- Every period is a row, with sales or without.
    if v_first + 4000 * v_step < v_range.date_to then
        raise exception 'more than 4000 periods (%) from % to %',
            p_period, v_range.date_from, v_range.date_to
            using errcode = 'invalid_parameter_value',
                  hint = 'Ask for a longer p_period or for fewer days.';
    end if;

    return query
    with periods as (
        select
            g.start::date as start,
            case when g.start >= v_first then greatest(g.start::date, v_range.date_from)
                else g.start::date end as day_from,
            least((g.start + v_step)::date - 1, v_range.date_to) as day_to,
            (g.start < v_first or g.start::date >= v_range.date_from)
                and (g.start + v_step)::date - 1 <= v_range.date_to as is_complete,
            ((g.start + v_step) - v_year)::date - 1 as year_end
        from generate_series(
            v_first - v_step * v_width, v_range.date_to::timestamp, v_step
        ) as g (start)
        where cardinality(v_stores) > 0
    ),
    bounds as (
        select p.*,
            (p.day_from - v_year)::date as year_from,
            case when p.is_complete then p.year_end else (p.day_to - v_year)::date end as year_to
        from periods as p
    ),
    -- Stores are summed up here, for what follows joins the days twice.
    daily as materialized (
        select
            d.sold_on,
            sum(d.orders) as orders,
            sum(d.units) as units,
            sum(d.gross_revenue) as gross_revenue,
            sum(d.revenue) as revenue,
            sum(d.cost) as cost
        from (
            select t.sold_on, t.orders, t.units, t.gross_revenue, t.revenue, t.cost
            from api._daily_totals(
                v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
            ) as t
            where v_category is null
            union all
            select c.sold_on, c.orders, c.units, c.gross_revenue, c.revenue, c.cost
            from api._daily_sales(
                v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
            ) as c
            where c.category_id = v_category and v_category is not null
        ) as d
        group by d.sold_on
    ),
    -- Nobody has to look for the first sale of all where one is older than all that is compared.
    oldest as (
        select case when min(d.sold_on) <= (v_range.date_from - v_year)::date then min(d.sold_on)
            else api._oldest_day(v_stores) end as day
        from daily as d
    ),
    sums as (
        select
            b.start, b.day_from, b.day_to, b.is_complete, b.year_from,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0)::bigint as orders,
            coalesce(sum(d.units), 0)::bigint as units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from bounds as b
        left join daily as d
            on date_trunc(p_period, d.sold_on::timestamp)::date = b.start
            and d.sold_on between b.day_from and b.day_to
        group by b.start, b.day_from, b.day_to, b.is_complete, b.year_from
    ),
    years as (
        select b.start, sum(d.revenue) as revenue
        from bounds as b
        join daily as d
            on date_trunc(p_period, d.sold_on + v_year)::date = b.start
            and d.sold_on between b.year_from and b.year_to
        where b.year_from >= (select o.day from oldest as o)
        group by b.start
    ),
    series as (
        select s.*,
            case when bool_and(s.is_complete and s.start >= o.day) over w
                and count(*) over w = v_width
                then round(avg(s.revenue) over w, 2) end as moving_average,
            case when s.is_complete and lag(s.is_complete) over (order by s.start)
                then lag(s.revenue) over (order by s.start) end as previous,
            case when s.year_from >= o.day then coalesce(y.revenue, 0.00) end as year_ago
        from sums as s
        left join years as y on y.start = s.start
        cross join oldest as o
        window w as (order by s.start rows between v_width - 1 preceding and current row)
    )
    select
        s.day_from, s.day_to, s.is_complete, s.revenue, s.gross_revenue, s.orders, s.units,
        round(s.gross_revenue / nullif(s.orders, 0), 2),
        s.margin,
        api._percent(s.margin, s.revenue),
        s.moving_average,
        api._growth(s.revenue, s.previous),
        s.year_ago,
        api._growth(s.revenue, s.year_ago)
    from series as s
    where s.start >= v_first
    order by s.start;
end;
$function$;

comment on function api.sales_trend(text, date, date, text, text) is
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: it has no growth and no moving average, and compares with the same days a year before. USD without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
    to store_manager, regional_manager, head_office;

-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
create or replace function api._performance(
    p_store_id uuid,
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
    with periods as materialized (
        select
            p.period,
            p.day_from,
            p.day_to,
            p.day_from::timestamp at time zone s.time_zone as moment_from,
            (p.day_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        cross join lateral (
            values
                ('value', p_from, p_to),
                ('previous', p_from - (p_to - p_from) - 1, p_from - 1),
                (
                    'year_ago', (p_from - interval '1 year')::date,
                    (p_to - interval '1 year')::date
                )
        ) as p (period, day_from, day_to)
        where s.store_id = p_store_id
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
        left join api._daily_totals(
            array[p_store_id],
            least(p_from - (p_to - p_from) - 1, (p_from - interval '1 year')::date),
            p_to
        ) as d on d.sold_on between p.day_from and p.day_to
        group by p.period
    ),
    active as (
        select p.period, o.customer_id, min(o.order_date) as first_order
        from periods as p
        join retail.orders as o
            on o.order_date >= p.moment_from and o.order_date < p.moment_to
        where o.store_id = p_store_id
            and o.status = 'completed'
            and o.customer_id is not null
        group by p.period, o.customer_id
    ),
    new as (
        select a.period, count(*) as customers
        from active as a
        where not exists (
            select
            from retail.orders as e
            where e.store_id = p_store_id
                and e.customer_id = a.customer_id
                and e.status = 'completed'
                and e.order_date < a.first_order
        )
        group by a.period
    ),
    customers as (
        select a.period, count(*) as active, coalesce(n.customers, 0) as new
        from active as a
        left join new as n on n.period = a.period
        group by a.period, n.customers
    )
    select
        m.place,
        m.metric,
        m.unit,
        max(m.value) filter (where s.period = 'value'),
        max(m.value) filter (where s.period = 'previous'),
        max(m.value) filter (where s.period = 'year_ago')
    from sales as s
    left join customers as c on c.period = s.period
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
            (11, 'active_customers', 'count', coalesce(c.active, 0)),
            (12, 'new_customers', 'count', coalesce(c.new, 0)),
            (13, 'returning_customers', 'count', coalesce(c.active - c.new, 0))
    ) as m (place, metric, unit, value)
    group by m.place, m.metric, m.unit;
end;

comment on function api._performance(uuid, date, date) is
    'The figures of one store for a period, as many days before and the same days a year ago, a row each.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._performance(uuid, date, date) from public;
grant execute on function api._performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
