-- 0103 forecasts of open days.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/analytics/_forecast.sql
-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval; a ratio
-- says nothing of forecasts below zero. Of n ratios, one more falls below the k-th with k / (n + 1):
-- were the share of the n themselves taken, the interval would hold less than it says, of ten days
-- two thirds of 80 %. Where there are too few for p_level, it has the widest that was seen. Of fewer
-- than nine that holds less than 80 %, of one none at all: then there is no interval. Days on which
-- nothing was forecast, as where a store is closed, have no ratio and are none of the n.
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
    -- A method that goes by last year needs 60 weeks before the earliest window, and more than a day
    -- or two to be chosen by. The forecast and all windows go by one rule: errors of other forecasts
    -- say nothing of this one.
    v_yearly constant boolean := v_days >= 420 + greatest(28, p_horizon);
    v_windows constant integer := least(
        greatest(2, ceil(112.0 / p_horizon)::integer),
        (v_days - case when v_yearly then 420 else 28 end) / p_horizon
    );
    v_tested constant integer := v_windows * p_horizon;
begin
    return query
    with candidates as materialized (
        select k.back, c.step, p_revenue[v_days - k.back * p_horizon + c.step] as actual,
            m.method, m.forecast
        from generate_series(0, v_windows) as k (back)
        cross join lateral api._forecast_candidates(
            p_revenue, v_days - k.back * p_horizon, p_horizon, v_yearly
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
            sum(abs(c.actual - c.forecast)) filter (where c.back > 0) as error,
            sum(abs(c.actual)) filter (where c.back > 0) as size
        from candidates as c
        group by c.method
        having count(c.forecast) = count(*)
    ),
    best as (
        -- By the amount: a store that sold nothing there has errors too, but no percentage.
        select e.method, api._percent(e.error, e.size) as error
        from errors as e
        order by e.error, e.method = 'seasonal naive' desc, e.method
        limit 1
    ),
    ratios as materialized (
        select c.actual / c.forecast as ratio
        from candidates as c
        join best as b on b.method = c.method
        where c.back > 0 and c.forecast > 0
    ),
    tails as (
        select greatest(
            0, ((count(*) + 1) * (100 - p_level) / 200 - 1) / (count(*) - 1)
        )::double precision as tail
        from ratios as r
        having count(*) >= 9
    ),
    -- No row where there are too few.
    bounds as (
        select percentile_cont(array[t.tail, 1 - t.tail]) within group (order by r.ratio) as ends
        from tails as t
        cross join ratios as r
        group by t.tail
    )
    select c.step, round(c.forecast, 2),
        case when c.forecast >= 0 then round(c.forecast * i.ends[1]::numeric, 2) end,
        case when c.forecast >= 0 then round(c.forecast * i.ends[2]::numeric, 2) end,
        b.method, b.error,
        (select api._percent(e.error, e.size) from errors as e where e.method = 'seasonal naive'),
        v_tested
    from candidates as c
    join best as b on b.method = c.method
    left join bounds as i on true
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

-- source: db/functions/analytics/_sold_before.sql
-- api._sold_before(): whether stores sold anything of a category before a day. Not a tool. A function, like
-- api._has_stores(), for it is seldom asked, and reads all days there are where the answer is no.
create or replace function api._sold_before(
    p_stores uuid[],
    p_category_id uuid,
    p_day date
)
returns boolean
language sql
stable
parallel restricted
security invoker
begin atomic
    select exists (
        select
        from api._daily_sales(p_stores, '-infinity', p_day - 1) as d
        where d.category_id = p_category_id
    );
end;

comment on function api._sold_before(uuid[], uuid, date) is
    'Whether there is a sale or return of a category before a day.

p_stores: ids of the stores; null for all that the caller sees
p_category_id: the category
p_day: the day';
revoke execute on function api._sold_before(uuid[], uuid, date) from public;
grant execute on function api._sold_before(uuid[], uuid, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_forecast.sql
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
    select r.date_to into v_to
    from api._date_range(null, coalesce(p_to, api._last_full_day())) as r;
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
    'Expected revenue by day of the days ahead, all stores together, with an interval. method: seasonal naive (the same weekday a year before; of the last week where there are fewer than 64 weeks, or than 60 and the horizon), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper: p_level percent of days should lie there, by the back-test''s; of a sum of days it says nothing; null where forecast is below 0, or that of the back-test was above 0 on fewer than 9 days. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_horizon: days ahead, 1 to 180
p_to: last day of known sales, taken as complete; null for the newest that is over
p_level: percent of the interval, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/seasonality.sql
-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, after the growth between the years, taken as steady, is taken out of
-- its months: else the last months of each year would stand above their season. Of one year alone
-- nobody can tell growth from season. Nor can anybody tell a weak month from one in which a category was
-- not sold yet: where a later year brought revenue, those that began before its first sale are left out.
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
    v_start date;
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

    v_start := v_end - interval '1 year' * v_years;

    return query
    with months as (
        select
            y.n as year,
            m.n / 12.0 as years_to_end,
            (v_end - interval '1 month' * (12 * y.n + m.n))::date as first_day,
            (v_end - interval '1 month' * (12 * y.n + m.n - 1))::date as next_first
        from generate_series(0, v_years - 1) as y (n)
        cross join generate_series(1, 12) as m (n)
    ),
    sales as materialized (
        select d.category_id, date_trunc('month', d.sold_on::timestamp)::date as first_day,
            sum(d.revenue) as revenue
        from api._daily_sales(v_stores, v_start, v_end - 1) as d
        where v_category is null or d.category_id = v_category
        group by d.category_id, date_trunc('month', d.sold_on::timestamp)::date
    ),
    -- The first month of categories that are new; most sold in the first of these years.
    starts as (
        select s.category_id, min(s.first_day) as first_day
        from sales as s
        group by s.category_id
        -- By "case": of two conditions PostgreSQL would ask the second first, of every row.
        having case
            when min(s.first_day) > v_start
                then not api._sold_before(v_stores, s.category_id, v_start)
        end
    ),
    daily as (
        select
            c.category_id, c.name, m.year,
            extract(month from m.first_day)::integer as month,
            m.next_first - m.first_day as days,
            m.years_to_end,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level,
            min(coalesce(s.revenue, 0.00)) over w as weakest,
            coalesce(min(m.first_day) over w >= b.first_day, true) as is_whole
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
        left join starts as b on b.category_id = c.category_id
        where v_category is null or c.category_id = v_category
        window w as (partition by c.category_id, m.year)
    ),
    -- The logarithm of growth a year, by least squares over the years that sold in every month: one
    -- in which a category began says nothing of growth. 0 where there are not two. In floating point:
    -- logarithms of exact numbers took as long as the rest.
    growth as (
        select d.category_id,
            coalesce(
                regr_slope(ln(d.level::double precision), -d.year) filter (where d.weakest > 0), 0
            ) as rate
        from daily as d
        group by d.category_id
    ),
    steady as (
        select d.name, d.month, d.days, d.level, d.year, d.revenue, d.is_whole,
            bool_or(d.is_whole and d.level > 0) over (partition by d.category_id) as has_whole,
            d.revenue * exp(g.rate * d.years_to_end)::numeric as grown
        from daily as d
        join growth as g on g.category_id = d.category_id
    ),
    indexed as (
        select s.name, s.month, s.revenue,
            case when s.level > 0 then 100 * s.grown
                / nullif(greatest(0, sum(s.grown * s.days) over w / sum(s.days) over w), 0)
            end as index
        from steady as s
        where s.is_whole or not s.has_whole
        window w as (partition by s.name, s.year)
    )
    select
        i.name, i.month, to_char(make_date(2000, i.month, 1), 'FMMonth'),
        round(avg(i.index), 2),
        -- A mean of quotients that is half a cent comes out a hair less.
        round(round(avg(i.revenue), 10), 2),
        count(*)::integer
    from indexed as i
    group by i.name, i.month
    order by i.name, i.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day in percent of the average day of the year, growth between years taken out as steady. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). Years that began before the first sale of a category are left out where a later one has revenue, and from the index years whose revenue is not above 0. average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
