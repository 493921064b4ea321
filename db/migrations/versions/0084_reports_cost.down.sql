-- 0084 reports cost, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
-- Orders are asked for by "any" of one store: were it an equality like that of the fence, PostgreSQL
-- would compare the two in a node of its own, through which it would hand every row. The first order
-- of each who bought is looked up by itself, one row of an index, for a join would read all orders that
-- the store ever had; "any" would have it sort them.
create or replace function api._performance(
    p_store_id uuid,
    p_time_zone text,
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
            api._day_start(p.day_from, p_time_zone) as moment_from,
            api._day_start(p.day_to + 1, p_time_zone) as moment_to
        from (
            values
                ('value', p_from, p_to),
                ('previous', p_from - (p_to - p_from) - 1, p_from - 1),
                (
                    'year_ago', (p_from - interval '1 year')::date,
                    (p_to - interval '1 year')::date
                )
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
        left join api._daily_totals(
            array[p_store_id],
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
    first_orders as (
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
        offset 0
    ),
    new as (
        select p.period, count(*) as customers
        from periods as p
        join first_orders as f
            on f.order_date >= p.moment_from and f.order_date < p.moment_to
        group by p.period
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

comment on function api._performance(uuid, text, date, date) is
    'The figures of one store for a period, as many days before and the same days a year ago, a row each.

p_store_id: the store
p_time_zone: its time zone
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._performance(uuid, text, date, date) from public;
grant execute on function api._performance(uuid, text, date, date)
    to store_manager, regional_manager, head_office;

-- api.category_performance(): every category, against the period before and a year ago.
-- With one plan and, without a store, no list of stores, like api.sales_trend().
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
    v_stores constant uuid[] := case when p_store is not null then api._store_ids(p_store) end;
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
    where v_days is not null
        and (exists (select from sums as s) or exists (select from retail.stores as s))
    order by coalesce(s.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Revenue, margin and returns by category, against as many days before and the same days a year ago. orders: those in which something of the category was sold; they do not add up. gross_revenue: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold; growth_percent: from previous_revenue. USD after discount, without tax, net of returns; days of the store''s time zone.

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
-- Whoever names no store is not asked for a list of them, which would be one more check of the
-- context.
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
    v_stores constant uuid[] := case when p_store is not null then api._store_ids(p_store) end;
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
    if v_first + 4000 * v_step <= v_range.date_to then
        raise exception 'more than 4000 periods (%) from % to %',
            p_period, v_range.date_from, v_range.date_to
            using errcode = 'invalid_parameter_value',
                  hint = 'Ask for a longer p_period or for fewer days.';
    end if;

    return query
    -- Stores are summed up here, for what follows joins the days twice.
    with daily as materialized (
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
    periods as (
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
        -- Who sees no store gets no periods; who has sales has a store, which need not be looked for.
        where exists (select from daily as d) or exists (select from retail.stores as s)
    ),
    bounds as (
        select p.*,
            (p.day_from - v_year)::date as year_from,
            case when p.is_complete then p.year_end else (p.day_to - v_year)::date end as year_to
        from periods as p
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
                then round(avg(s.revenue) over w, 2) end as moving_average,
            case when s.is_complete and lag(s.is_complete and s.start >= o.day) over (order by s.start)
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
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: no growth and no moving average takes it in, and it compares with the same days a year before. What sales do not go back far enough for is null. gross_revenue: before returns; average_basket: gross_revenue / orders; margin: revenue less purchase cost. USD after discount, without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
    to store_manager, regional_manager, head_office;

drop function api._has_stores();

-- sources end
reset role;
