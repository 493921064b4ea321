-- 0069 reports on their own days.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
    select r.* into v_range from api._date_range(p_from, p_to, 1) as r;
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
    members as (
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

-- source: db/functions/analytics/customer_lifetime_value.sql
-- api.customer_lifetime_value(): what customers brought so far and may bring next.
-- Expected orders: each customer's own rate of orders, drawn towards that of its store by how much
-- customers differ (gamma-Poisson, fitted by moments). With x orders in t days, a mean rate m and
-- a variance v of the rates: (m^2 + v x) / (m + v t). One order says little and moves it little;
-- long silence lowers it. Fitted within a store: it is the same whoever asks. What is estimated is
-- reckoned in floating point, what was is not.
-- Summed up store by store from the rollup: the cost of a customer's orders is in all their lines.
-- work_mem: a row a customer is kept, for head office of all stores.
create or replace function api.customer_lifetime_value(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_horizon integer default 365,
    p_limit integer default 20
)
returns table (
    store_key text,
    customer_id uuid,
    customer text,
    loyalty_tier text,
    first_order_on date,
    last_order_on date,
    orders bigint,
    revenue numeric,
    margin numeric,
    average_basket numeric,
    expected_orders numeric,
    expected_margin numeric,
    lifetime_value numeric
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
    perform api._require_range('p_horizon', p_horizon, 1, 1825);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 730) as r;

    return query
    with totals as materialized (
        -- A first order starts the clock of its customer and is no evidence of the rate.
        select s.store_id, s.store_key, c.*,
            (c.recent - (c.first_day >= v_range.date_from)::integer)::bigint as x,
            least(v_range.date_to - c.first_day, v_range.date_to - v_range.date_from + 1)::bigint
                as t
        from retail.stores as s
        cross join lateral (
            select d.customer_id,
                min(d.sold_on) filter (where d.orders > 0) as first_day,
                max(d.sold_on) filter (where d.orders > 0) as last_day,
                sum(d.orders) as orders,
                coalesce(sum(d.orders) filter (where d.sold_on >= v_range.date_from), 0)
                    as recent,
                sum(d.gross_revenue) as gross,
                sum(d.revenue) as revenue,
                sum(d.revenue - d.cost) as margin
            from api._daily_customers(s.store_id, '-infinity', v_range.date_to) as d
            group by d.customer_id
            having sum(d.orders) > 0
        ) as c
        where v_stores is null or s.store_id = any (v_stores)
    ),
    rates as materialized (
        -- v is the mean of ((x - m t)^2 - m t) over that of t^2, multiplied out.
        select r.store_id, r.m::double precision as m,
            r.mean_margin::double precision as mean_margin,
            greatest(
                0, (r.xx - 2 * r.m * r.xt + r.m * r.m * r.tt - r.m * r.t) / nullif(r.tt, 0)
            )::double precision as v
        from (
            select t.store_id, sum(t.x) / nullif(sum(t.t), 0) as m,
                sum(t.margin) / sum(t.orders) as mean_margin,
                sum(t.t) as t, sum(t.x * t.x) as xx, sum(t.x * t.t) as xt, sum(t.t * t.t) as tt
            from totals as t
            group by t.store_id
        ) as r
    ),
    best as (
        select t.*, n.orders as next_orders, g.margin as next_margin,
            t.margin::double precision + coalesce(g.margin, 0) as value
        from totals as t
        join rates as r on r.store_id = t.store_id
        cross join lateral (
            select p_horizon * (r.m * r.m + r.v * t.x) / nullif(r.m + r.v * t.t, 0) as orders
        ) as n
        cross join lateral (
            select n.orders * (t.margin::double precision + r.mean_margin) / (t.orders + 1)
                as margin
        ) as g
        order by value desc, t.store_key, t.customer_id
        limit p_limit
    )
    select b.store_key, b.customer_id, concat_ws(' ', c.first_name, c.last_name), c.loyalty_tier,
        b.first_day, b.last_day, b.orders, round(b.revenue, 2), round(b.margin, 2),
        round(b.gross / b.orders, 2), round(b.next_orders::numeric, 2),
        round(b.next_margin::numeric, 2),
        round(b.margin + coalesce(b.next_margin, 0)::numeric, 2)
    from best as b
    join retail.customers as c on c.store_id = b.store_id and c.customer_id = b.customer_id
    order by b.value desc, b.store_key, b.customer_id;
end;
$function$;

comment on function api.customer_lifetime_value(text, date, date, integer, integer) is
    'The most valuable customers: what they brought, and what to expect of the next days. orders, revenue and margin are of all days up to p_to. lifetime_value is margin so far plus expected_margin. expected_orders: the customer''s rate of orders in the period, drawn towards the mean of its store the less there is to go by; null when the store has no repeat orders to learn from. expected_margin: times the margin per order, of this customer and one average order. All in USD after discount, without tax, net of returns; average_basket before returns. Days in the time zone of the store. Cash sales have no customer.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; of the period that the rate of orders is taken from; null for 729 days before p_to
p_to: last day; the last that counts, null for the day of the newest sale
p_horizon: days ahead, 1 to 1825
p_limit: 1 to 1000';
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    from public;
grant execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/inventory_status.sql
-- api.inventory_status(): how long the stock lasts, what to order, what lies there unsold.
-- Reorder point: demand during the lead time plus a safety stock of 1.65 standard deviations of
-- it, which lasts through 95 of 100 lead times if demand is about normal; never below the level
-- that the store has set. Order up to the reorder point plus the demand of p_cover_days.
-- No row of a store keeps the others from being shown: a lead time or level below 0 counts as 0, and
-- what is more than an integer holds as the most that it does.
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
    -- A new store has stock before it has sales. Its ledger goes by its own days.
    select r.*
    into v_range
    from api._date_range(
        null,
        coalesce(
            api._newest_day(),
            (select max((now() at time zone s.time_zone)::date) from retail.stores as s)
        ),
        p_days
    ) as r;

    return query
    -- Multiplied first, divided last: 3 in 90 days for 30 days is 1, not a hair more or less.
    with stock as (
        select i.*, greatest(i.lead_time_days, 0)::numeric as lead_time, d.units, d.out_days, nullif(d.selling_days, 0)::numeric as days,
            d.units / nullif(d.selling_days, 0)::numeric as demand, d.daily_variance
        from api._stock_days(v_stores, v_range.date_from, v_range.date_to) as d
        join retail.inventory as i on i.store_id = d.store_id and i.product_id = d.product_id
        where (v_stores is null or i.store_id = any (v_stores))
    ),
    pointed as (
        select k.*, p.sku, p.name, c.name as category, p.is_active,
            least(
                greatest(
                    k.reorder_level,
                    ceil(
                        k.units * k.lead_time / k.days
                        + 1.65 * sqrt(coalesce(k.daily_variance, 0) * k.lead_time)
                    ),
                    0
                ),
                2147483647
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
            else least(
                h.reorder_point + ceil(p_cover_days * h.units / h.days) - h.stock_level, 2147483647
            )::integer
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
    'Stock by store and product, the most urgent first. Judged by the last p_days days of the stock ledger up to the newest sale, or to today where there are none. status, the first that fits: stock out (nothing left), dead (nothing sold in these days), reorder (at or below reorder_point), overstock (cover of more than 180 days), ok. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock, from its opening stock on. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

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

-- source: db/functions/analytics/sales_anomalies.sql
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

-- source: db/functions/analytics/seasonality.sql
-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, after the growth between the years, taken as steady, is taken out of
-- its months: else the last months of each year would stand above their season. Of one year alone
-- nobody can tell growth from season.
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
            m.n / 12.0 as years_to_end,
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
            m.next_first - m.first_day as days,
            m.years_to_end,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level,
            min(coalesce(s.revenue, 0.00)) over w as weakest
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
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
        select d.name, d.month, d.days, d.level, d.year, d.revenue,
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
    'Month index by category: revenue a day in percent of the average day of the year, growth between years taken out as steady. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). The index leaves out years whose revenue is not above 0. average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
