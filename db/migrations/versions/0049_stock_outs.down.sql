-- 0049 stock outs, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._stock_days(): demand and stock-outs by product, from the stock ledger. Not a tool.
-- The level at the start is the present one less what moved since, so that only the window is
-- read. Between two days with movements the level stays: no row a day is made.
-- A day without stock and without a sale says nothing about demand and is left out of it.
create or replace function api._stock_days(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    product_id uuid,
    units bigint,
    out_days integer,
    selling_days integer,
    daily_variance numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 20000
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    with days as (
        select m.store_id, m.product_id, m.moved_on as day, sum(m.quantity) as moved,
            coalesce(-sum(m.quantity) filter (where m.kind = 'sale'), 0) as sold
        from retail.stock_movements as m
        where (p_stores is null or m.store_id = any (p_stores)) and m.moved_on >= p_from
        group by m.store_id, m.product_id, m.moved_on
    ),
    levels as (
        select t.store_id, t.product_id, t.day, t.sold,
            i.stock_level - coalesce(
                sum(t.moved) over (
                    partition by t.store_id, t.product_id
                    order by t.day desc
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as level,
            lead(t.day, 1, p_to + 1) over (
                partition by t.store_id, t.product_id order by t.day
            ) as next_day
        from (
            select d.store_id, d.product_id, d.day, d.moved, d.sold from days as d
            union all
            select n.store_id, n.product_id, p_from - 1, 0, 0
            from retail.inventory as n
            where (p_stores is null or n.store_id = any (p_stores))
        ) as t
        join retail.inventory as i on i.store_id = t.store_id and i.product_id = t.product_id
    ),
    counted as (
        select l.store_id, l.product_id,
            sum(l.sold) as units,
            sum(l.sold * l.sold) as squares,
            sum(o.days) as out_days,
            -- Sold out in the course of a day: it ends without stock, but sold.
            sum(o.days) - count(*) filter (where o.days > 0 and l.sold > 0) as lost_days
        from levels as l
        cross join lateral (
            select case
                when l.level <= 0
                    then greatest(0, least(l.next_day, p_to + 1) - greatest(l.day, p_from))
                else 0
            end as days
        ) as o
        where l.day <= p_to
        group by l.store_id, l.product_id
    )
    select c.store_id, c.product_id, c.units::bigint, c.out_days::integer, n.days,
        greatest(0, c.squares - c.units * c.units / nullif(n.days, 0)::numeric)
            / nullif(n.days - 1, 0)
    from counted as c
    cross join lateral (select (p_to - p_from + 1 - c.lost_days)::integer as days) as n;
end;
$function$;

comment on function api._stock_days(uuid[], date, date) is
    'Pieces sold, days that ended without stock, days on which something could be sold, and the variance of pieces sold on those, by store and product.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._stock_days(uuid[], date, date) from public;
grant execute on function api._stock_days(uuid[], date, date)
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
    -- A new store has stock before it has sales.
    select r.*
    into v_range
    from api._date_range(null, coalesce(api._newest_day(), current_date), p_days) as r;

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
    'Stock by store and product, the most urgent first. Judged by the last p_days days of the stock ledger up to the newest sale, or to today where there are none. status, the first that fits: stock out (nothing left), dead (nothing sold in these days), reorder (at or below reorder_point), overstock (cover of more than 180 days), ok. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

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
    'Expected revenue by day after p_to, all stores together, with an interval. method: seasonal naive (the same weekday a year before; of the last week where there are fewer than 64 weeks, or than 60 and the horizon), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper: p_level percent of days should lie there, by the back-test''s; of a sum of days it says nothing; null where forecast is below 0, backtest_days below 9 or nothing was forecast there. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_horizon: days ahead, 1 to 180
p_to: last day of known sales, taken as complete; null for the newest that is over
p_level: percent of the interval, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
