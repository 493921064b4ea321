-- 0035 report meaning, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval; a ratio
-- says nothing of forecasts below zero.
create or replace function api._forecast(
    p_revenue numeric[],
    p_horizon integer,
    p_level numeric
)
returns table (
    step integer,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_days constant integer := cardinality(p_revenue);
    -- The earliest window leaves 60 weeks of history if there are, for a method needs last year.
    v_windows constant integer := least(
        greatest(2, ceil(112.0 / p_horizon)::integer),
        (v_days - case when v_days >= 420 + p_horizon then 420 else 28 end) / p_horizon
    );
    v_tail constant double precision := (100 - p_level) / 200;
begin
    return query
    with candidates as materialized (
        select k.back, c.step, p_revenue[v_days - k.back * p_horizon + c.step] as actual,
            m.method, m.forecast
        from generate_series(0, v_windows) as k (back)
        cross join lateral api._forecast_candidates(
            p_revenue, v_days - k.back * p_horizon, p_horizon
        ) as c
        cross join lateral (
            values
                ('seasonal naive', c.seasonal_naive),
                ('recent level', c.recent_level),
                ('seasonal growth', c.seasonal_growth)
        ) as m (method, forecast)
    ),
    errors as (
        select c.method,
            100 * sum(abs(c.actual - c.forecast)) filter (where c.back > 0)
                / nullif(sum(abs(c.actual)) filter (where c.back > 0), 0) as error
        from candidates as c
        group by c.method
        having count(c.forecast) = count(*)
    ),
    best as (
        select e.method, e.error
        from errors as e
        order by e.error nulls last, e.method = 'seasonal naive' desc, e.method
        limit 1
    ),
    ratios as (
        select percentile_cont(array[v_tail, 1 - v_tail])
            within group (order by c.actual / c.forecast) as bounds
        from candidates as c
        join best as b on b.method = c.method
        where c.back > 0 and c.forecast > 0
    )
    select c.step, round(c.forecast, 2),
        case when c.forecast >= 0 then round(c.forecast * r.bounds[1]::numeric, 2) end,
        case when c.forecast >= 0 then round(c.forecast * r.bounds[2]::numeric, 2) end,
        b.method, round(b.error, 2),
        (select round(e.error, 2) from errors as e where e.method = 'seasonal naive'),
        v_windows * p_horizon
    from candidates as c
    join best as b on b.method = c.method
    cross join ratios as r
    where c.back = 0
    order by c.step;
end;
$function$;

comment on function api._forecast(numeric[], integer, numeric) is
    'Forecast of a daily series with interval, method and errors of the back-test.

p_revenue: revenue by day, without gaps, at least 28 + p_horizon days
p_horizon: days to forecast, up to 180
p_level: percent of the days that should lie within the interval';
revoke execute on function api._forecast(numeric[], integer, numeric) from public;
grant execute on function api._forecast(numeric[], integer, numeric)
    to store_manager, regional_manager, head_office;

-- api._insights(): what is worth saying about one figure, by rule. Not a tool.
-- Amounts and counts: a change of 5 % or more. Percentages: a change of 1 point or more, and 10 %
-- of the pieces or more coming back. Nothing is said of a figure with no rule. No other text.
create or replace function api._insights(
    p_metric text,
    p_value numeric,
    p_previous numeric,
    p_year_ago numeric,
    p_days integer
)
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(
        array_agg(i.sentence order by i.place) filter (where i.sentence is not null), '{}'
    )
    from (
        select n.name, n.is_share,
            p_metric = 'revenue' and p_value = 0 as is_empty
        from (
            values
                ('revenue', 'Revenue', false),
                ('orders', 'The number of orders', false),
                ('average_basket', 'The average basket', false),
                ('margin_percent', 'The margin', true),
                ('return_rate', 'The share of pieces that came back', true),
                ('active_customers', 'The number of active customers', false),
                ('new_customers', 'The number of new customers', false)
        ) as n (metric, name, is_share)
        where n.metric = p_metric
    ) as k
    cross join lateral (
        select 0, 'There was no revenue in this period.'
        where k.is_empty
        union all
        select c.place, case
            when p_metric = 'revenue' and c.before = 0
                then format('There was no revenue %s to compare with.', c.absent)
            when k.is_share and abs(p_value - c.before) >= 1
                then format(
                    '%s %s by %s points to %s %%, compared with %s.', k.name, d.verb,
                    round(abs(p_value - c.before), 1), round(p_value, 1), c.compared
                )
            when not k.is_share and abs(api._growth(p_value, c.before)) >= 5
                then format(
                    '%s %s by %s %%, compared with %s.', k.name, d.verb,
                    round(abs(api._growth(p_value, c.before)), 1), c.compared
                )
        end
        from (
            values
                (
                    1, p_previous, 'just before',
                    case p_days when 1 then 'the day' else format('the %s days', p_days) end
                        || ' before'
                ),
                (2, p_year_ago, 'a year ago', 'the same days a year ago')
        ) as c (place, before, absent, compared)
        cross join lateral (
            select case when p_value > c.before then 'rose' else 'fell' end
        ) as d (verb)
        where not k.is_empty
        union all
        select 3, format('%s %% of the pieces sold came back.', round(p_value, 1))
        where p_metric = 'return_rate' and p_value >= 10
    ) as i (place, sentence);
end;

comment on function api._insights(text, numeric, numeric, numeric, integer) is
    'Sentences about one figure of a store, by stated rules; an empty array when none applies.

p_metric: name of the figure
p_value: its value in the period
p_previous: its value in the period before
p_year_ago: its value in the same period a year ago
p_days: length of the period';
revoke execute on function api._insights(text, numeric, numeric, numeric, integer) from public;
grant execute on function api._insights(text, numeric, numeric, numeric, integer)
    to store_manager, regional_manager, head_office;

-- api.sales_forecast(): daily revenue to expect, with an interval and how good the method was.
-- The stores' days are added up first: one forecast for all that the caller asks about. The method
-- and its proof are in api._forecast().
create or replace function api.sales_forecast(
    p_store text default null,
    p_horizon integer default 30,
    p_to date default null,
    p_level numeric default 80
)
returns table (
    day date,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_newest constant date := api._newest_day();
    v_to date;
    v_revenue numeric[];
begin
    perform api._require_range('p_horizon', p_horizon, 1, 180);
    perform api._require_range('p_level', p_level, 50, 99);
    select r.date_to into v_to from api._date_range(null, p_to) as r;
    if v_newest is null then
        return;
    end if;
    if p_to > v_newest then
        raise exception 'p_to (%) is after the newest sale (%)', p_to, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'p_to is the last day of known sales; p_horizon is how far to look ahead.';
    end if;

    select array_agg(d.revenue order by d.day)
    into v_revenue
    from (
        select s.day, sum(s.revenue) as revenue
        -- 60 weeks that a method looks back, and the windows of the back-test.
        from api._daily_revenue(
            v_stores, v_to - 420 - greatest(2 * p_horizon, 112 + p_horizon) + 1, v_to
        ) as s
        group by s.day
    ) as d;
    if coalesce(cardinality(v_revenue), 0) < 28 + p_horizon then
        raise exception 'a forecast of % days needs % days of sales, there are %',
            p_horizon, 28 + p_horizon, coalesce(cardinality(v_revenue), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a shorter p_horizon or a later p_to.';
    end if;

    return query
    select v_to + f.step, f.forecast, f.lower, f.upper, f.method, f.error_percent,
        f.baseline_error_percent, f.backtest_days
    from api._forecast(v_revenue, p_horizon, p_level) as f
    order by f.step;
end;
$function$;

comment on function api.sales_forecast(text, integer, date, numeric) is
    'Expected revenue by day after p_to, all stores together, with an interval. method: seasonal naive (the same weekday a year before; of the last week where there are fewer than 60 weeks), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper held p_level percent of the days of the back-test; of a sum of days it says nothing; null where forecast is below 0. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store, the last one taken as complete.

p_store: e.g. seattle; its store_key, null for all that you see
p_horizon: days ahead, 1 to 180
p_to: last day of known sales; null for the day of the newest sale
p_level: percent of the interval, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
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
    if v_first + 4000 * v_step < v_range.date_to then
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
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: it has no growth and no moving average, and compares with the same days a year before. What sales do not go back far enough for is null. USD without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
    to store_manager, regional_manager, head_office;

-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, so that growth from year to year does not tilt the index.
create or replace function api.seasonality(
    p_store text default null,
    p_category text default null,
    p_years integer default 3
)
returns table (
    category text,
    month integer,
    month_name text,
    index numeric,
    average_daily_revenue numeric,
    years integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_oldest constant date := api._oldest_day(v_stores);
    v_newest constant date := api._newest_day();
    v_end date;
    v_years integer;
begin
    perform api._require_range('p_years', p_years, 1, 10);
    if v_oldest is null then
        return;
    end if;

    v_end := date_trunc('month', v_newest::timestamp + interval '1 day');
    v_years := least(
        p_years,
        extract(year from age(v_end, (date_trunc('month', v_oldest - interval '1 day'))
            + interval '1 month'))
    );
    if v_years < 1 then
        raise exception 'fewer than twelve complete months of sales, from % to %',
            v_oldest, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'A month index needs a whole year; api.sales_trend() shows the months so far.';
    end if;

    return query
    with months as (
        select
            y.n as year,
            (v_end - interval '1 month' * (12 * y.n + m.n))::date as first_day,
            (v_end - interval '1 month' * (12 * y.n + m.n - 1))::date as next_first
        from generate_series(0, v_years - 1) as y (n)
        cross join generate_series(1, 12) as m (n)
    ),
    sales as materialized (
        select d.category_id, date_trunc('month', d.sold_on::timestamp)::date as first_day,
            sum(d.revenue) as revenue
        from api._daily_sales(
            v_stores, (v_end - interval '1 year' * v_years)::date, v_end - 1
        ) as d
        where v_category is null or d.category_id = v_category
        group by d.category_id, date_trunc('month', d.sold_on::timestamp)::date
    ),
    daily as (
        select
            c.category_id, c.name, m.year,
            extract(month from m.first_day)::integer as month,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
        where v_category is null or c.category_id = v_category
        window w as (partition by c.category_id, m.year)
    )
    select
        d.name, d.month, to_char(make_date(2000, d.month, 1), 'FMMonth'),
        round(avg(100 * d.revenue / d.level) filter (where d.level > 0), 2),
        round(avg(d.revenue), 2),
        count(*)::integer
    from daily as d
    group by d.name, d.month
    order by d.name, d.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day in percent of the average day of the year. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). The index leaves out years whose revenue is not above 0. average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
