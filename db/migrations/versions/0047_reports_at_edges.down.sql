-- 0047 reports at edges, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

DROP FUNCTION api._forecast_candidates(numeric[],integer,integer,boolean);

-- api._forecast_candidates(): what three simple methods say about the days after a history.
-- Not a tool. Needs no table: tests feed it series whose nature they know.
-- seasonal_naive: the same weekday 52 weeks before; under 60 weeks of history, of the last week.
-- recent_level:   mean of the last four weeks, times the weekday's share.
-- seasonal_growth: mean of the five weeks around the same day last year, times the weekday's share,
--                  times the growth of the last eight weeks over the same weeks last year.
create or replace function api._forecast_candidates(
    p_revenue numeric[],
    p_days integer,
    p_horizon integer
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
        case when p_days >= 420 then y.revenue else w.revenue end,
        l.recent * k.share,
        case when p_days >= 420 then y.level * k.share * l.growth end
    from generate_series(1, p_horizon) as t (step)
    cross join levels as l
    join weekdays as k on k.weekday = (p_days + t.step) % 7
    join days as w on w.day = p_days - 6 + (t.step - 1) % 7
    left join days as y on y.day = p_days + t.step - 364;
end;
$function$;

comment on function api._forecast_candidates(numeric[], integer, integer) is
    'Forecasts by three methods for the days after the first p_days of a series; null where a method has too little to go by.

p_revenue: revenue by day, without gaps
p_days: days that are known, at least 28
p_horizon: days to forecast, up to 180';
revoke execute on function api._forecast_candidates(numeric[], integer, integer) from public;
grant execute on function api._forecast_candidates(numeric[], integer, integer)
    to store_manager, regional_manager, head_office;

-- api._span(): the moments between which the days of a report lie. Not a tool.
-- Reports filter by these: order_date has an index, a day computed from it has none, and the
-- planner cannot guess how many rows a computed day keeps. Where the stores lie in several time
-- zones, the moments enclose all of them, and the report has to look at sold_on too.
-- Moments are handed over as values: an expression with a time zone in it would not be used for an
-- index under row-level security, for it is not leakproof.
create or replace function api._span(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (moment_from timestamptz, moment_to timestamptz, is_exact boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        min(p_from::timestamp at time zone s.time_zone),
        max((p_to + 1)::timestamp at time zone s.time_zone),
        min(s.time_zone) = max(s.time_zone)
    from retail.stores as s
    where s.store_id = any (p_stores);
end;

comment on function api._span(uuid[], date, date) is
    'First moment of a day and first moment after another, in the time zones of some stores; is_exact when these are one.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._span(uuid[], date, date) from public;
grant execute on function api._span(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- api.discount_impact(): what sells at which discount. Lines that are not returns.
-- The band comes from the amounts, which the books are made of, not from discount_percent.
create or replace function api.discount_impact(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null
)
returns table (
    discount text,
    lines bigint,
    lines_percent numeric,
    units bigint,
    units_per_line numeric,
    list_revenue numeric,
    discount_amount numeric,
    discount_percent numeric,
    revenue numeric,
    revenue_percent numeric,
    margin numeric,
    margin_percent numeric
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
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            -- Up to the cent that a discount of this percentage comes to.
            case
                when l.discount_amount <= 0 then 1
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.05, 2) then 2
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.10, 2) then 3
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.15, 2) then 4
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.20, 2) then 5
                else 6
            end as band,
            count(*) as lines,
            sum(l.quantity) as units,
            sum(l.discount_amount) as discount_amount,
            sum(l.total_amount) as revenue,
            sum(l.cost) as cost
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
            and not l.is_return
        group by 1
    )
    select
        b.name,
        coalesce(s.lines, 0),
        api._percent(coalesce(s.lines, 0), sum(s.lines) over ()),
        coalesce(s.units, 0),
        round(s.units / nullif(s.lines, 0)::numeric, 2),
        coalesce(s.revenue + s.discount_amount, 0.00),
        coalesce(s.discount_amount, 0.00),
        api._percent(s.discount_amount, s.revenue + s.discount_amount),
        coalesce(s.revenue, 0.00),
        api._percent(coalesce(s.revenue, 0.00), sum(s.revenue) over ()),
        coalesce(s.revenue - s.cost, 0.00),
        api._percent(s.revenue - s.cost, s.revenue)
    from (
        values
            (1, 'none'), (2, 'up to 5 %'), (3, 'up to 10 %'), (4, 'up to 15 %'),
            (5, 'up to 20 %'), (6, 'over 20 %')
    ) as b (band, name)
    left join sold as s on s.band = b.band
    where cardinality(v_stores) > 0 and v_range.date_to is not null
    order by b.band;
end;
$function$;

comment on function api.discount_impact(text, date, date, text) is
    'Sales without discount, up to 5, 10, 15, 20 % and over: what was sold and what margin was left. Returns are left out, so revenue is gross. list_revenue is before discount. USD without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all';
revoke execute on function api.discount_impact(text, date, date, text) from public;
grant execute on function api.discount_impact(text, date, date, text)
    to store_manager, regional_manager, head_office;

-- api.store_comparison(): the caller's stores beside each other, best first.
create or replace function api.store_comparison(
    p_from date default null,
    p_to date default null,
    p_by text default 'revenue'
)
returns table (
    rank bigint,
    store_key text,
    store text,
    revenue numeric,
    revenue_percent numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
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
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(null);
    v_range record;
    v_days integer;
begin
    perform api._require_choice(
        'p_by', p_by, array['revenue', 'margin', 'orders', 'units', 'growth']
    );
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
            d.store_id,
            sum(d.revenue) filter (where p.period = 'now') as revenue,
            sum(d.gross_revenue) filter (where p.period = 'now') as gross_revenue,
            sum(d.orders) filter (where p.period = 'now') as orders,
            sum(d.units) filter (where p.period = 'now') as units,
            sum(d.returned_units) filter (where p.period = 'now') as returned_units,
            sum(d.revenue - d.cost) filter (where p.period = 'now') as margin,
            sum(d.revenue) filter (where p.period = 'previous') as previous,
            sum(d.revenue) filter (where p.period = 'year') as year_ago
        from periods as p
        cross join lateral api._daily_totals(v_stores, p.day_from, p.day_to) as d
        group by d.store_id
    ),
    compared as (
        select
            s.store_key, s.name,
            coalesce(d.revenue, 0.00) as revenue,
            coalesce(d.orders, 0)::bigint as orders,
            coalesce(d.units, 0)::bigint as units,
            coalesce(d.margin, 0.00) as margin,
            coalesce(d.previous, 0.00) as previous,
            coalesce(d.year_ago, 0.00) as year_ago,
            api._growth(coalesce(d.revenue, 0.00), d.previous) as growth,
            round(d.gross_revenue / nullif(d.orders, 0), 2) as average_basket,
            api._percent(d.returned_units, d.units + d.returned_units) as return_rate
        from retail.stores as s
        left join sums as d on d.store_id = s.store_id
        where s.store_id = any (v_stores) and v_days is not null
    )
    select
        rank() over (
            order by
                case p_by
                    when 'margin' then c.margin
                    when 'orders' then c.orders
                    when 'units' then c.units
                    when 'growth' then c.growth
                    else c.revenue
                end desc nulls last
        ) as place,
        c.store_key, c.name, c.revenue, api._percent(c.revenue, sum(c.revenue) over ()),
        c.orders, c.units, c.average_basket, c.margin, api._percent(c.margin, c.revenue),
        c.return_rate, c.previous, c.growth, c.year_ago, api._growth(c.revenue, c.year_ago)
    from compared as c
    order by place, c.store_key;
end;
$function$;

comment on function api.store_comparison(date, date, text) is
    'Your stores side by side, against as many days before (previous) and the same days a year ago. Equal stores share a rank. USD without tax, net of returns; days of each store''s time zone.

p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
    to store_manager, regional_manager, head_office;

-- api.top_products(): the products that sell best. Joins with retail.products by product_id.
-- From the lines: the rollup does not know products.
create or replace function api.top_products(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'revenue',
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    product_type text,
    revenue numeric,
    revenue_percent numeric,
    units bigint,
    orders bigint,
    margin numeric,
    margin_percent numeric,
    returned_units bigint,
    return_rate numeric
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
    perform api._require_choice('p_by', p_by, array['revenue', 'units', 'margin']);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            l.product_id,
            sum(l.total_amount) as revenue,
            sum(l.quantity) as units,
            sum(l.total_amount - l.cost) as margin,
            coalesce(-sum(l.quantity) filter (where l.is_return), 0) as returned_units
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    ranked as (
        select
            row_number() over (
                order by
                    case p_by when 'units' then s.units when 'margin' then s.margin
                        else s.revenue end desc,
                    p.sku
            ) as rank,
            s.*, p.sku, p.name, p.category_id, p.type_id,
            sum(s.revenue) over () as total
        from sold as s
        join retail.products as p on p.product_id = s.product_id
    )
    select
        r.rank, r.product_id, r.sku, r.name, c.name, t.name,
        r.revenue, api._percent(r.revenue, r.total), r.units, o.orders,
        r.margin, api._percent(r.margin, r.revenue),
        r.returned_units, api._percent(r.returned_units, r.units + r.returned_units)
    from ranked as r
    join retail.categories as c on c.category_id = r.category_id
    join retail.product_types as t on t.type_id = r.type_id
    -- Counted for the few products that are shown: distinct counts are slow.
    cross join lateral (
        select count(distinct (l.store_id, l.order_id)) as orders
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.product_id = r.product_id
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and not l.is_return
    ) as o
    where r.rank <= p_limit
    order by r.rank;
end;
$function$;

comment on function api.top_products(text, date, date, text, text, integer) is
    'The products that sell best, net of returns. revenue_percent: share of the revenue of all products asked about. orders: those in which the product was sold. USD without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: revenue, units or margin
p_limit: 1 to 1000';
revoke execute on function api.top_products(text, date, date, text, text, integer) from public;
grant execute on function api.top_products(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- api._base_customers(): orders of one store by customer and day, from the orders. Not a tool.
-- The one place where orders become the measures of retail.daily_customers. An order's total is the
-- sum of its lines; its cost is in the lines only, and is looked up order by order, for an order
-- without lines counts too.
create or replace function api._base_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    customer_id uuid,
    sold_on date,
    orders bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        o.customer_id,
        d.sold_on,
        count(*) filter (where o.status = 'completed'),
        coalesce(sum(o.total_amount) filter (where o.status = 'completed'), 0),
        sum(o.total_amount),
        coalesce(sum(c.cost), 0)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    cross join lateral (
        select sum(i.quantity * i.unit_cost) as cost
        from retail.order_items as i
        where i.store_id = s.store_id and i.order_id = o.order_id
    ) as c
    where o.customer_id is not null and o.status in ('completed', 'return')
    group by o.customer_id, d.sold_on;
end;

comment on function api._base_customers(uuid, date, date) is
    'Orders, revenue and cost of one store by customer and day, computed from the orders.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_customers(uuid, date, date) from public;
grant execute on function api._base_customers(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- api._base_orders(): completed orders of one store by day, from the orders. Not a tool.
-- Beside api._base_sales() and like it: orders do not add up over categories.
create or replace function api._base_orders(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (sold_on date, orders bigint)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select d.sold_on, count(*)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    where o.status = 'completed'
    group by d.sold_on;
end;
$function$;

comment on function api._base_orders(uuid, date, date) is
    'Completed orders of one store by day.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_orders(uuid, date, date) from public;
grant execute on function api._base_orders(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- api._base_sales(): sales of one store by day and category from its order lines. Not a tool.
-- The one place where lines become the measures of the rollup: zava.refresh_daily_sales() stores
-- what this says, and reports ask it for days that are not stored yet.
-- Not SQL, which would be planned as a part of each report: where all days are stored, nothing asks
-- for this, and planning it took as long as the rest of a small report.
create or replace function api._base_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    sold_on date,
    category_id uuid,
    lines bigint,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        l.sold_on,
        l.category_id,
        count(*),
        count(distinct l.order_id) filter (where not l.is_return),
        sum(l.quantity),
        coalesce(-sum(l.quantity) filter (where l.is_return), 0),
        coalesce(sum(l.total_amount) filter (where not l.is_return), 0),
        sum(l.total_amount),
        sum(l.cost),
        sum(l.discount_amount)
    from span as s
    join api.sale_lines as l
        on l.store_id = s.store_id
        and l.order_date >= s.moment_from
        and l.order_date < s.moment_to
    group by l.sold_on, l.category_id;
end;
$function$;

comment on function api._base_sales(uuid, date, date) is
    'Sales of one store by day and category, computed from the lines.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_sales(uuid, date, date) from public;
grant execute on function api._base_sales(uuid, date, date)
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
    'Revenue, margin and returns by category, against as many days before and the same days a year ago. orders: those in which something of the category was sold; they do not add up. USD without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
    to store_manager, regional_manager, head_office;

-- api.store_performance(): how one store does, against the period before and a year ago.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api.store_performance(
    p_store_id uuid,
    p_from date default null,
    p_to date default null
)
returns table (
    metric text,
    unit text,
    value numeric,
    previous numeric,
    change numeric,
    year_ago numeric,
    year_change numeric,
    insights text[],
    period_from date,
    period_to date
)
language plpgsql
stable
parallel restricted
security invoker
rows 13
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_zone text := (select s.time_zone from retail.stores as s where s.store_id = p_store_id);
    v_range record;
    v_days integer;
begin
    if v_zone is null then
        raise exception 'store % is not visible to you', coalesce(p_store_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'retail.stores has the ids of your stores, api.whoami() their keys.';
    end if;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    select
        p.metric, p.unit, p.value, p.previous,
        case p.unit when 'percent' then p.value - p.previous
            else api._growth(p.value, p.previous) end,
        p.year_ago,
        case p.unit when 'percent' then p.value - p.year_ago
            else api._growth(p.value, p.year_ago) end,
        api._insights(p.metric, p.value, p.previous, p.year_ago, v_days),
        v_range.date_from, v_range.date_to
    from api._performance(p_store_id, v_zone, v_range.date_from, v_range.date_to) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue, gross_revenue, orders, units, average_basket, margin, margin_percent, returned_units, returned_revenue, return_rate and active, new and returning customers. Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- api._date_range(): checked first and last day of a report, and moments around them. Not a tool.
-- A report filters by its stores' local days, which no index knows. The two moments enclose these
-- days in every time zone (UTC+14 to UTC-12): a filter on order_date beside it keeps the index.
-- Days to come are cut off: with them, the days so far would be compared with more days than these.
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
    v_to date;
    v_from date;
    v_wrong constant date := case
        when p_from not between date '1900-01-01' and date '2999-12-31' then p_from
        when p_to not between date '1900-01-01' and date '2999-12-31' then p_to
    end;
begin
    if v_wrong is not null then
        raise exception 'date out of range: %', v_wrong
            using errcode = 'invalid_parameter_value',
                  hint = 'Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.';
    end if;

    v_to := coalesce(p_to, api._newest_day());
    if v_to < p_from then
        raise exception 'p_to (%) is before p_from (%)', v_to, p_from
            using errcode = 'invalid_parameter_value',
                  hint = case
                      when p_to is null then 'p_to is the day of the newest sale unless given.'
                      else 'Swap the two dates.'
                  end;
    end if;

    if p_to > current_date then
        v_to := greatest(least(p_to, greatest(current_date, api._newest_day())), p_from);
    end if;
    v_from := coalesce(p_from, v_to - p_days + 1);

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
p_to: last day, inclusive; null for the day of the newest sale that the caller sees; later than today counts as today or the day of the newest sale
p_days: length of the period when p_from is null, in days';
revoke execute on function api._date_range(date, date, integer) from public;
grant execute on function api._date_range(date, date, integer)
    to store_manager, regional_manager, head_office;

-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval; a ratio
-- says nothing of forecasts below zero. Of n ratios, one more falls below the k-th with k / (n + 1):
-- were the share of the n themselves taken, the interval would hold less than it says, of ten days
-- two thirds of 80 %. Where there are too few for p_level, it has the widest that was seen.
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
    v_tested constant integer := v_windows * p_horizon;
    v_tail constant double precision := greatest(
        0, ((v_tested + 1) * (100 - p_level) / 200 - 1) / nullif(v_tested - 1, 0)
    );
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
        v_tested
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
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: it has no growth and no moving average, and compares with the same days a year before. What sales do not go back far enough for is null. USD without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
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
    'Days of unusual revenue by store, the strangest first. expected_revenue: median of the same weekday in the four weeks before and after. score: deviation from it, between square roots, in robust standard deviations (0.6745 * (deviation - median) / MAD) of the store''s days in the year to p_to, or from p_from if that is longer. Days with fewer than four such neighbours, or whose median is not above 0, are not judged. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; the first that is judged, null for 89 days before p_to
p_to: last day; the last that is judged, null for the newest that is over
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
    'Expected revenue by day after p_to, all stores together, with an interval. method: seasonal naive (the same weekday a year before; of the last week where there are fewer than 60 weeks), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper: p_level percent of days should lie there, by the back-test''s; of a sum of days it says nothing; null where forecast is below 0. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_horizon: days ahead, 1 to 180
p_to: last day of known sales, taken as complete; null for the newest that is over
p_level: percent of the interval, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
-- Orders are asked for by "any" of one store: were it an equality like that of the fence, PostgreSQL
-- would compare the two in a node of its own, through which it would hand every row.
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
            p.day_from::timestamp at time zone p_time_zone as moment_from,
            (p.day_to + 1)::timestamp at time zone p_time_zone as moment_to
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
        select p.period, o.customer_id, min(o.order_date) as first_order
        from periods as p
        join retail.orders as o
            on o.order_date >= p.moment_from and o.order_date < p.moment_to
        where o.store_id = any (array[p_store_id])
            and o.status = 'completed'
            and o.customer_id is not null
        group by p.period, o.customer_id
    ),
    new as (
        select a.period, count(*) as customers
        from active as a
        where not exists (
            select
            from retail.orders as e
            where e.store_id = any (array[p_store_id])
                and e.customer_id = a.customer_id
                and e.status = 'completed'
                and e.order_date < a.first_order
        )
        group by a.period
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

DROP FUNCTION api._day_start(date,text);

-- sources end
reset role;
