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
