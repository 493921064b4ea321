-- api.sales_anomalies(): days whose revenue is far from what the weeks around them say.
-- Expected is the median of the same weekday in the four weeks before and after: this takes out
-- weekday, season and growth at once, and one odd day does not move it. How far is far comes from
-- the store's own days, by median and median absolute deviation (MAD), which anomalies do not move
-- either; 0.6745 turns the MAD of a normal distribution into its standard deviation. Square roots
-- are compared: they make a busy and a slow season, and the two sides of a small store's uneven
-- days, of one measure; by percent a closed day could never stand out.
create or replace function api.sales_anomalies(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_threshold numeric default 3.5,
    p_limit integer default 50
)
returns table (
    store_key text,
    day date,
    direction text,
    revenue numeric,
    expected_revenue numeric,
    deviation_percent numeric,
    score numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_full constant date := api._last_full_day();
    v_range record;
    v_base date;
    v_end date;
begin
    perform api._require_range('p_threshold', p_threshold, 0.5, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range
    from api._date_range(
        p_from, coalesce(p_to, case when p_from > v_full then null else v_full end), 90
    ) as r;
    v_base := least(v_range.date_from, v_range.date_to - 364);
    v_end := greatest(v_range.date_to, least(v_range.date_to + 28, v_full));

    return query
    with days as materialized (
        select d.store_id, d.day, d.revenue
        from api._daily_revenue(v_stores, v_base - 28, v_end) as d
    ),
    neighbours as (
        select d.*,
            array[
                lag(d.revenue, 28) over w, lag(d.revenue, 21) over w,
                lag(d.revenue, 14) over w, lag(d.revenue, 7) over w,
                lead(d.revenue, 7) over w, lead(d.revenue, 14) over w,
                lead(d.revenue, 21) over w, lead(d.revenue, 28) over w
            ] as weeks
        from days as d
        window w as (partition by d.store_id order by d.day)
    ),
    residuals as (
        select n.store_id, n.day, n.revenue, m.expected,
            sign(n.revenue) * sqrt(abs(n.revenue)::double precision)
                - sqrt(m.expected::double precision) as deviation
        from neighbours as n
        cross join lateral (
            select percentile_cont(0.5) within group (order by k.revenue)::numeric as expected
            from unnest(n.weeks) as k (revenue)
            having count(k.revenue) >= 4
        ) as m
        where n.day between v_base and v_range.date_to and m.expected > 0
    ),
    medians as materialized (
        select r.store_id,
            percentile_cont(0.5) within group (order by r.deviation) as middle
        from residuals as r
        group by r.store_id
    ),
    spreads as materialized (
        select r.store_id, m.middle,
            percentile_cont(0.5) within group (order by abs(r.deviation - m.middle)) as mad
        from residuals as r
        join medians as m on m.store_id = r.store_id
        group by r.store_id, m.middle
    ),
    scored as (
        select r.*, 0.6745 * (r.deviation - p.middle) / nullif(p.mad, 0) as score
        from residuals as r
        join spreads as p on p.store_id = r.store_id
        where r.day >= v_range.date_from
    )
    select s.store_key, c.day, case when c.score > 0 then 'high' else 'low' end,
        round(c.revenue, 2), round(c.expected, 2), round(100 * (c.revenue / c.expected - 1), 2),
        round(c.score::numeric, 2)
    from scored as c
    join retail.stores as s on s.store_id = c.store_id
    where abs(c.score) >= p_threshold and c.score * (c.revenue - c.expected)::double precision > 0
    order by abs(c.score) desc, c.day, s.store_key
    limit p_limit;
end;
$function$;

comment on function api.sales_anomalies(text, date, date, numeric, integer) is
    'Days of unusual revenue by store, the strangest first. expected_revenue: median of the same weekday in the four weeks before and after. score: deviation from it, between square roots, in robust standard deviations (0.6745 * (deviation - median) / MAD) of the store''s days in the year to p_to, or from p_from if that is longer. Days with fewer than four such neighbours, or whose median is not above 0, are not judged, nor is a store most of whose days deviate alike (MAD 0). high are only days above expected_revenue, low only days below. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; the first that is judged, null for 89 days before p_to
p_to: last day; the last that is judged, null for the newest that is over
p_threshold: least score, 0.5 to 100; up or down, 3.5 is customary
p_limit: 1 to 1000';
revoke execute on function api.sales_anomalies(text, date, date, numeric, integer) from public;
grant execute on function api.sales_anomalies(text, date, date, numeric, integer)
    to store_manager, regional_manager, head_office;
