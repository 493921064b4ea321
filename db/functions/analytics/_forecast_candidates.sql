-- api._forecast_candidates(): what three simple methods say about the days after a history.
-- Not a tool. Needs no table: tests feed it series whose nature they know.
-- seasonal_naive: with p_yearly the same weekday 52 weeks before, else of the last week.
-- recent_level:   mean of the last four weeks, times the weekday's share.
-- seasonal_growth: mean of the five weeks around the same day last year, times the weekday's share,
--                  times the growth of the last eight weeks over the same weeks last year; only
--                  with p_yearly.
create or replace function api._forecast_candidates(
    p_revenue numeric[],
    p_days integer,
    p_horizon integer,
    p_yearly boolean
)
returns table (
    step integer,
    seasonal_naive numeric,
    recent_level numeric,
    seasonal_growth numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with days as materialized (
        select d.day::integer, d.revenue,
            avg(d.revenue) over (order by d.day rows between 17 preceding and 17 following) as level
        from unnest(p_revenue[1:p_days]) with ordinality as d (revenue, day)
    ),
    weekdays as (
        select d.day % 7 as weekday,
            avg(d.revenue) / nullif(avg(avg(d.revenue)) over (), 0) as share
        from days as d
        where d.day > p_days - 364
        group by d.day % 7
    ),
    levels as (
        select
            avg(d.revenue) filter (where d.day > p_days - 28) as recent,
            sum(d.revenue) filter (where d.day > p_days - 56) / nullif(
                sum(d.revenue) filter (where d.day > p_days - 420 and d.day <= p_days - 364), 0
            ) as growth
        from days as d
    )
    select t.step,
        case when p_yearly then y.revenue else w.revenue end,
        l.recent * k.share,
        case when p_yearly then y.level * k.share * l.growth end
    from generate_series(1, p_horizon) as t (step)
    cross join levels as l
    join weekdays as k on k.weekday = (p_days + t.step) % 7
    join days as w on w.day = p_days - 6 + (t.step - 1) % 7
    left join days as y on y.day = p_days + t.step - 364;
end;
$function$;

comment on function api._forecast_candidates(numeric[], integer, integer, boolean) is
    'Forecasts by three methods for the days after the first p_days of a series; null where a method has too little to go by.

p_revenue: revenue by day, without gaps
p_days: days that are known, at least 28; with p_yearly 420
p_horizon: days to forecast, up to 180
p_yearly: whether to go by last year';
revoke execute on function api._forecast_candidates(numeric[], integer, integer, boolean) from public;
grant execute on function api._forecast_candidates(numeric[], integer, integer, boolean)
    to store_manager, regional_manager, head_office;
