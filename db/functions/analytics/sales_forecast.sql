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
