-- 0033 report edges, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._daily_revenue(): revenue by store and day, days without sales included. Not a tool.
-- Days that the rollup holds come from there, later ones from the orders, whose total is the sum of
-- their lines: one index-only scan a store.
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
    from api._date_range(least(greatest(p_from, v_open), p_to), p_to) as r;

    return query
    with sales as materialized (
        select d.store_id, d.sold_on as day, d.revenue
        from retail.stores as s
        join retail.daily_totals as d
            on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
        where (p_stores is null or s.store_id = any (p_stores))
            and d.sold_on between p_from and p_to
        union all
        select o.store_id, t.day, sum(o.total_amount)
        from retail.stores as s
        join retail.orders as o on o.store_id = s.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where (p_stores is null or s.store_id = any (p_stores))
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between p_from and p_to
            and (s.rolled_up_to is null or t.day > s.rolled_up_to)
        group by o.store_id, t.day
    ),
    starts as (
        select s.store_id, greatest(p_from, (f.order_date at time zone s.time_zone)::date) as day
        from retail.stores as s
        cross join lateral (
            select o.order_date
            from retail.orders as o
            where o.store_id = s.store_id and o.status in ('completed', 'return')
            order by o.order_date
            limit 1
        ) as f
        where (p_stores is null or s.store_id = any (p_stores))
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

-- api._date_range(): checked first and last day of a report, and moments around them. Not a tool.
-- A report filters by its stores' local days, which no index knows. The two moments enclose these
-- days in every time zone (UTC+14 to UTC-12): a filter on order_date beside it keeps the index.
create or replace function api._date_range(
    p_from date,
    p_to date,
    p_days integer default 30
)
returns table (date_from date, date_to date, moment_from timestamptz, moment_to timestamptz)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_to date := coalesce(p_to, api._newest_day());
    v_from date := coalesce(p_from, v_to - p_days + 1);
    v_wrong date := case
        when v_from not between date '1900-01-01' and date '2999-12-31' then v_from
        when v_to not between date '1900-01-01' and date '2999-12-31' then v_to
    end;
begin
    if v_wrong is not null then
        raise exception 'date out of range: %', v_wrong
            using errcode = 'invalid_parameter_value',
                  hint = 'Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.';
    end if;

    if v_to < v_from then
        raise exception 'p_to (%) is before p_from (%)', v_to, v_from
            using errcode = 'invalid_parameter_value',
                  hint = case
                      when p_to is null then 'p_to is the day of the newest sale unless given.'
                      else 'Swap the two dates.'
                  end;
    end if;

    return query
    select
        v_from,
        v_to,
        (v_from::timestamp - interval '14 hours') at time zone 'UTC',
        ((v_to + 1)::timestamp + interval '12 hours') at time zone 'UTC';
end;
$function$;

comment on function api._date_range(date, date, integer) is
    'Checked days of a report, with the moments that enclose them in every time zone. Nulls where there are no sales to take a default from.

p_from: first day, inclusive; null for p_days before p_to
p_to: last day, inclusive; null for the day of the newest sale that the caller sees
p_days: length of the period when p_from is null, in days';
revoke execute on function api._date_range(date, date, integer) from public;
grant execute on function api._date_range(date, date, integer)
    to store_manager, regional_manager, head_office;

-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval.
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
        round(c.forecast * r.bounds[1]::numeric, 2),
        round(c.forecast * r.bounds[2]::numeric, 2),
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
        select 0, 'There were no sales in this period.'
        where k.is_empty
        union all
        select c.place, case
            when p_metric = 'revenue' and c.before = 0
                then format('There were no sales %s to compare with.', c.absent)
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

-- api._percent(): a part in percent of the whole. Not a tool.
create or replace function api._percent(
    p_part numeric,
    p_whole numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select round(100 * p_part / nullif(p_whole, 0), 2);
end;

comment on function api._percent(numeric, numeric) is
    'A part in percent of the whole, with two decimals; null when the whole is zero.

p_part: the part
p_whole: the whole';
revoke execute on function api._percent(numeric, numeric) from public;
grant execute on function api._percent(numeric, numeric)
    to store_manager, regional_manager, head_office;

-- api._require_range(): refuses a number that is null or out of its range. Not a tool.
create or replace function api._require_range(
    p_name text,
    p_value numeric,
    p_low numeric,
    p_high numeric
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or not (p_value between p_low and p_high) then
        raise exception '% out of range: %', p_name, coalesce(p_value::text, 'null')
            using errcode = 'invalid_parameter_value',
                  hint = format('Use a number from %s to %s.', p_low, p_high);
    end if;
end;
$function$;

comment on function api._require_range(text, numeric, numeric, numeric) is
    'Raises an error that tells the range unless a number lies in it.

p_name: parameter that the error names
p_value: its value
p_low: smallest value allowed
p_high: largest value allowed';
revoke execute on function api._require_range(text, numeric, numeric, numeric) from public;
grant execute on function api._require_range(text, numeric, numeric, numeric)
    to store_manager, regional_manager, head_office;

-- api.customer_segments(): customers by recency, frequency and money (RFM), with a name for each
-- group. A score of 1 to 5 says which fifth of the store's active customers one is in; equal values
-- get the lowest score of their group. Scores are taken within a store: a customer has the same
-- segment whoever asks, and the counts of two stores add up.
-- From the orders, whose total is the sum of their lines.
create or replace function api.customer_segments(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    segment text,
    customers bigint,
    customers_percent numeric,
    orders bigint,
    revenue numeric,
    revenue_percent numeric,
    average_recency_days numeric,
    average_orders numeric,
    average_revenue numeric
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
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with active as (
        select o.store_id, o.customer_id,
            v_range.date_to - max(t.day) filter (where o.status = 'completed') as recency,
            count(*) filter (where o.status = 'completed') as orders,
            sum(o.total_amount) as revenue
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by o.store_id, o.customer_id
        having count(*) filter (where o.status = 'completed') > 0
    ),
    ranked as (
        select a.*,
            percent_rank() over (partition by a.store_id order by a.recency desc) as recency_rank,
            percent_rank() over (partition by a.store_id order by a.orders) as frequency_rank,
            percent_rank() over (partition by a.store_id order by a.revenue) as money_rank
        from active as a
    ),
    scored as (
        select k.*,
            least(5, 1 + floor(5 * k.recency_rank)) as r,
            least(5, 1 + floor(5 * k.frequency_rank)) as f,
            least(5, 1 + floor(5 * k.money_rank)) as m
        from ranked as k
    ),
    named as (
        select c.*,
            case
                when c.r >= 4 and c.f >= 4 and c.m >= 4 then 1
                when c.r >= 3 and c.f >= 3 then 2
                when c.r >= 4 then 3
                when c.r = 3 then 4
                when c.f >= 4 and c.m >= 4 then 5
                when c.f >= 3 then 6
                when c.r = 2 then 7
                else 8
            end as number
        from scored as c
    )
    select
        (array[
            'champions', 'loyal', 'promising', 'needs attention',
            'cannot lose', 'at risk', 'hibernating', 'lost'
        ])[n.number],
        count(*),
        round(100 * count(*) / sum(count(*)) over (), 2),
        sum(n.orders)::bigint,
        round(sum(n.revenue), 2),
        round(100 * sum(n.revenue) / nullif(sum(sum(n.revenue)) over (), 0), 2),
        round(avg(n.recency), 2),
        round(avg(n.orders), 2),
        round(avg(n.revenue), 2)
    from named as n
    group by n.number
    order by n.number;
end;
$function$;

comment on function api.customer_segments(text, date, date) is
    'Customers in eight named groups by recency, frequency and revenue. Those active (a completed order in the period), by fifths of their store, 5 the best: R days since the last order, F number of completed orders, M revenue. champions: R, F, M at least 4; loyal: R and F at least 3; promising: R at least 4; needs attention: R 3; of R 1 or 2, cannot lose: F and M at least 4, at risk: F at least 3, hibernating: R 2, lost: R 1. The first that fits counts; groups without customers are left out. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; recency counts from it, null for the day of the newest sale';
revoke execute on function api.customer_segments(text, date, date) from public;
grant execute on function api.customer_segments(text, date, date)
    to store_manager, regional_manager, head_office;

-- api.inventory_status(): how long the stock lasts, what to order, what lies there unsold.
-- Reorder point: demand during the lead time plus a safety stock of 1.65 standard deviations of
-- it, which lasts through 95 of 100 lead times if demand is about normal; never below the level
-- that the store has set. Order up to the reorder point plus the demand of p_cover_days.
create or replace function api.inventory_status(
    p_store text default null,
    p_category text default null,
    p_status text default null,
    p_days integer default 90,
    p_cover_days integer default 30,
    p_limit integer default 100
)
returns table (
    store_key text,
    product_id uuid,
    sku text,
    product text,
    category text,
    status text,
    stock_level integer,
    stock_value numeric,
    units_sold bigint,
    stock_out_days integer,
    daily_demand numeric,
    days_of_cover numeric,
    lead_time_days integer,
    reorder_point integer,
    reorder_units integer,
    last_sold_on date
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
    v_category constant uuid := api._category_id(p_category);
    v_names constant text[] := array['stock out', 'reorder', 'dead', 'overstock', 'ok'];
    v_range record;
begin
    perform api._require_range('p_days', p_days, 7, 365);
    perform api._require_range('p_cover_days', p_cover_days, 1, 365);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    if p_status is not null then
        perform api._require_choice('p_status', p_status, v_names);
    end if;
    select r.* into v_range from api._date_range(null, null, p_days) as r;

    return query
    -- Multiplied first, divided last: 3 in 90 days for 30 days is 1, not a hair more or less.
    with stock as (
        select i.*, d.units, d.out_days, nullif(d.selling_days, 0)::numeric as days,
            d.units / nullif(d.selling_days, 0)::numeric as demand, d.daily_variance
        from api._stock_days(v_stores, v_range.date_from, v_range.date_to) as d
        join retail.inventory as i on i.store_id = d.store_id and i.product_id = d.product_id
        where (v_stores is null or i.store_id = any (v_stores))
    ),
    pointed as (
        select k.*, p.sku, p.name, c.name as category, p.is_active,
            greatest(
                k.reorder_level,
                ceil(
                    k.units * k.lead_time_days / k.days
                    + 1.65 * sqrt(coalesce(k.daily_variance, 0) * k.lead_time_days)
                )
            )::integer as reorder_point
        from stock as k
        join retail.products as p on p.product_id = k.product_id
        join retail.categories as c on c.category_id = p.category_id
        where v_category is null or p.category_id = v_category
    ),
    judged as (
        select t.*,
            case
                when t.stock_level = 0 then 1
                when t.units = 0 then 3
                when t.stock_level <= t.reorder_point then 2
                when t.stock_level * t.days > 180 * t.units then 4
                else 5
            end as urgency
        from pointed as t
    ),
    shown as (
        select s.store_key, j.*, j.demand * j.price as daily_revenue,
            j.stock_level * j.unit_cost as stock_value
        from judged as j
        join retail.stores as s on s.store_id = j.store_id
        where p_status is null or v_names[j.urgency] = p_status
        order by j.urgency, daily_revenue desc nulls last, stock_value desc, s.store_key, j.sku
        limit p_limit
    )
    select h.store_key, h.product_id, h.sku, h.name, h.category, v_names[h.urgency],
        h.stock_level, round(h.stock_value, 2), h.units, h.out_days,
        round(h.demand, 2), round(h.stock_level * h.days / nullif(h.units, 0), 2),
        h.lead_time_days, h.reorder_point,
        case
            when not h.is_active or h.urgency > 2 then 0
            when h.demand is null then h.reorder_point - h.stock_level
            when h.demand = 0 then 0
            else h.reorder_point + ceil(p_cover_days * h.units / h.days)::integer - h.stock_level
        end,
        z.last_sold_on
    from shown as h
    -- Looked for in the few rows that are shown.
    left join lateral (
        select m.moved_on as last_sold_on
        from retail.stock_movements as m
        where m.store_id = h.store_id and m.product_id = h.product_id and m.kind = 'sale'
        order by m.moved_on desc
        limit 1
    ) as z on true
    order by h.urgency, h.daily_revenue desc nulls last, h.stock_value desc, h.store_key, h.sku;
end;
$function$;

comment on function api.inventory_status(text, text, text, integer, integer, integer) is
    'Stock by store and product, the most urgent first. Judged by the last p_days days of the stock ledger up to the newest sale. status, the first that fits: stock out (nothing left), dead (nothing sold in these days), reorder (at or below reorder_point), overstock (cover of more than 180 days), ok. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_status: stock out, reorder, dead, overstock or ok; null for all
p_days: days that give the demand, 7 to 365
p_cover_days: days that an order lasts beyond lead time, 1 to 365
p_limit: 1 to 1000';
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer)
    from public;
grant execute on function api.inventory_status(text, text, text, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- zava.refresh_daily_sales(): brings retail.daily_sales, daily_totals and daily_customers up to
-- date, store by store. Run by the administrator, from a timer; not a tool.
-- A day is stored when it has been over for an hour, so that sales of its last minutes are
-- committed. The row lock on the store makes this safe beside writers and beside itself: whoever
-- changes sales of stored days takes these days back in the same transaction,
--     update retail.stores set rolled_up_to = least(rolled_up_to, DAY - 1) where store_id = …
-- and one of the two waits for the other. Without that, a change is found when it is at most 31
-- days old, or when p_from reaches back to it. Readers are never blocked.
-- Repeating it changes nothing; rows that are right already are not written.
create or replace function zava.refresh_daily_sales(
    p_from date default null,
    p_to date default null
)
returns table (store_key text, rolled_up_to date, changed_rows bigint)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store record;
    v_first date;
    v_last date;
begin
    for v_store in
        select s.store_id, s.store_key, s.time_zone from retail.stores as s order by s.store_key
    loop
        select s.rolled_up_to
        into rolled_up_to
        from retail.stores as s
        where s.store_id = v_store.store_id
        for no key update;

        -- Days follow each other without a gap; nothing is stored beyond the newest order.
        v_first := case
            when rolled_up_to is null then '-infinity'
            else least(coalesce(p_from, rolled_up_to - 30), rolled_up_to + 1)
        end;
        select least(
            greatest((max(o.order_date) at time zone v_store.time_zone)::date, rolled_up_to),
            ((now() - interval '1 hour') at time zone v_store.time_zone)::date - 1,
            p_to
        )
        into v_last
        from retail.orders as o
        where o.store_id = v_store.store_id
        having max(o.order_date) is not null or rolled_up_to is not null;

        store_key := v_store.store_key;
        changed_rows := 0;
        if v_first <= v_last then
            changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last)
                + zava._store_daily_customers(v_store.store_id, v_first, v_last);
            rolled_up_to := greatest(rolled_up_to, v_last);
            update retail.stores as s
            set rolled_up_to = refresh_daily_sales.rolled_up_to
            where s.store_id = v_store.store_id
                and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
        end if;
        return next;
    end loop;

    -- Servers forget the answers they keep.
    notify zava_data;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

-- api.returns_analysis(): what comes back, by category, product type, product, store or month.
-- A return counts on the day it came back, not on the day of its sale.
create or replace function api.returns_analysis(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'category',
    p_limit integer default 50
)
returns table (
    item text,
    name text,
    sold_units bigint,
    returned_units bigint,
    return_rate numeric,
    returned_percent numeric,
    returned_revenue numeric,
    returned_margin numeric,
    average_days numeric
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
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    perform api._require_choice(
        'p_by', p_by, array['category', 'product_type', 'product', 'store', 'month']
    );
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    -- Grouped by what is asked for and by nothing else: the other keys are null.
    with lines as (
        select
            case when p_by = 'store' then l.store_id end as store_id,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end
                as product_id,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end as month,
            sum(l.quantity) filter (where not l.is_return) as sold,
            -sum(l.quantity) filter (where l.is_return) as returned,
            -sum(l.total_amount) filter (where l.is_return) as amount,
            sum(l.cost - l.total_amount) filter (where l.is_return) as margin,
            null::bigint as days
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
        union all
        -- Once more for the few lines that have a sale to look up: one lookup for each line of all
        -- would keep PostgreSQL from working in parallel.
        select
            case when p_by = 'store' then l.store_id end,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end,
            null, null, null, null,
            -sum(l.quantity * (l.sold_on - (o.order_date at time zone s.time_zone)::date))
        from api.sale_lines as l
        join retail.stores as s on s.store_id = l.store_id
        join retail.orders as o
            on o.store_id = l.store_id and o.order_id = l.return_of_order_id
        where (v_filter is null or l.store_id = any (v_filter))
            and l.return_of_order_id is not null
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
    ),
    named as (
        select g.item, g.name,
            coalesce(sum(l.sold), 0)::bigint as sold,
            coalesce(sum(l.returned), 0)::bigint as returned,
            coalesce(sum(l.amount), 0.00) as amount,
            coalesce(sum(l.margin), 0.00) as margin,
            sum(l.days) as days
        from lines as l
        left join retail.stores as s on s.store_id = l.store_id
        left join retail.products as p on p.product_id = l.product_id
        left join retail.product_types as t on t.type_id = p.type_id
        left join retail.categories as c on c.category_id = p.category_id
        cross join lateral (
            select
                case p_by when 'product' then p.sku when 'product_type' then t.name
                    when 'store' then s.store_key when 'month' then to_char(l.month, 'YYYY-MM')
                    else c.name end,
                case p_by when 'product' then p.name when 'product_type' then t.name
                    when 'store' then s.name when 'month' then to_char(l.month, 'FMMonth YYYY')
                    else c.name end
        ) as g (item, name)
        group by g.item, g.name
    )
    select
        n.item, n.name, n.sold, n.returned, api._percent(n.returned, n.sold),
        api._percent(n.returned, sum(n.returned) over ()),
        n.amount, n.margin, round(n.days::numeric / nullif(n.returned, 0), 1)
    from named as n
    order by case when p_by = 'month' then n.item end, n.returned desc, n.sold, n.item
    limit p_limit;
end;
$function$;

comment on function api.returns_analysis(text, date, date, text, text, integer) is
    'What comes back and after how long, most pieces first, months in order: pieces sold and returned in the period, return_rate (returned in percent of sold), share of all returned pieces, revenue and margin given back in USD without tax, and the average days from sale to return. A return counts on the day it came back; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: category, product_type, product (item is its sku), store or month
p_limit: 1 to 1000';
revoke execute on function api.returns_analysis(text, date, date, text, text, integer) from public;
grant execute on function api.returns_analysis(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

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
    v_range record;
    v_base date;
    v_end date;
begin
    perform api._require_range('p_threshold', p_threshold, 0.5, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 90) as r;
    v_base := least(v_range.date_from, v_range.date_to - 364);
    v_end := least(v_range.date_to + 28, api._newest_day());

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
            sign(n.revenue) * sqrt(abs(n.revenue)) - sqrt(m.expected) as deviation
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
            percentile_cont(0.5) within group (order by r.deviation)::numeric as middle
        from residuals as r
        group by r.store_id
    ),
    spreads as materialized (
        select r.store_id, m.middle,
            percentile_cont(0.5) within group (order by abs(r.deviation - m.middle))::numeric as mad
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
        round(c.score, 2)
    from scored as c
    join retail.stores as s on s.store_id = c.store_id
    where abs(c.score) >= p_threshold
    order by abs(c.score) desc, c.day, s.store_key
    limit p_limit;
end;
$function$;

comment on function api.sales_anomalies(text, date, date, numeric, integer) is
    'Days of unusual revenue by store, the strangest first. expected_revenue: median of the same weekday in the four weeks before and after. score: deviation from it, between square roots, in robust standard deviations (0.6745 * (deviation - median) / MAD) of the store''s days in the year to p_to. Days with fewer than four such neighbours, or whose median is not above 0, are not judged. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store, the newest one taken as complete.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; the first that is judged, null for 89 days before p_to
p_to: last day; the last that is judged, null for the day of the newest sale
p_threshold: least score, 0.5 to 100; up or down, 3.5 is customary
p_limit: 1 to 1000';
revoke execute on function api.sales_anomalies(text, date, date, numeric, integer) from public;
grant execute on function api.sales_anomalies(text, date, date, numeric, integer)
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
    if v_to > v_newest then
        raise exception 'p_to (%) is after the newest sale (%)', v_to, v_newest
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
    'Expected revenue by day after p_to, all stores together, with an interval. method: seasonal naive (the same weekday a year before), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper held p_level percent of the days of the back-test; of a sum of days it says nothing. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

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
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: it has no growth and no moving average, and compares with the same days a year before. USD without tax, net of returns; days of the store''s time zone.

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
        round(avg(100 * d.revenue / nullif(d.level, 0)), 2),
        round(avg(d.revenue), 2),
        count(*)::integer
    from daily as d
    group by d.name, d.month
    order by d.name, d.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day in percent of the average day of the year. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
