-- 0063 sales at their worth.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/analytics/_base_customers.sql
-- api._base_customers(): orders of one store by customer and day, from the orders. Not a tool.
-- The one place where orders become the measures of retail.daily_customers. An order's total is the
-- sum of its lines; its cost is in the lines only, as is what it sold where it took something back too,
-- and is looked up order by order, for an order without lines counts too.
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
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        o.customer_id,
        d.sold_on,
        count(*) filter (where o.status = 'completed'),
        coalesce(sum(c.gross_revenue), 0),
        sum(o.total_amount),
        coalesce(sum(c.cost), 0)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    cross join lateral (
        select sum(i.quantity * i.unit_cost) as cost,
            sum(i.total_amount) filter (where i.quantity > 0) as gross_revenue
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

-- source: db/functions/analytics/basket_affinity.sql
-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items are numbered, and a basket is an array of them in order: its pairs are each item with those
-- after it, without a join. Items that are not in enough baskets are dropped before pairs are counted:
-- a pair is never in more baskets than either of its items.
-- Pairs that one or two orders happen to hold have the highest lift of all, and say nothing: unless the
-- caller says how many are enough, there must be three.
-- work_mem: the lines of a year are sorted once by basket, for head office those of all stores.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default null,
    p_limit integer default 50
)
returns table (
    item_a_id uuid,
    item_a text,
    item_b_id uuid,
    item_b text,
    baskets bigint,
    baskets_a bigint,
    baskets_b bigint,
    support_percent numeric,
    confidence_a_to_b_percent numeric,
    confidence_b_to_a_percent numeric,
    lift numeric
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
    v_span record;
begin
    perform api._require_range('p_min_support', coalesce(p_min_support, 0), 0, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    perform api._require_choice('p_level', p_level, array['product', 'type', 'category']);
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;
    select s.*
    into v_span
    from api._span(api._store_ids(p_store), v_range.date_from, v_range.date_to) as s;

    return query
    with named as (
        select k.product_id, k.item_id, k.name,
            dense_rank() over (order by k.name, k.item_id)::integer as place
        from (
            select p.product_id,
                case p_level
                    when 'product' then p.product_id when 'type' then y.type_id else c.category_id
                end as item_id,
                case p_level
                    when 'product' then p.name when 'type' then y.name else c.name
                end as name
            from retail.products as p
            join retail.product_types as y on y.type_id = p.type_id
            join retail.categories as c on c.category_id = p.category_id
        ) as k
    ),
    baskets as materialized (
        select array_agg(distinct n.place) as places
        from api.sale_lines as l
        join named as n on n.product_id = l.product_id
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
        -- By order first: what differs early sorts fast.
        group by l.order_id, l.store_id
    ),
    total as materialized (
        select
            count(*) as baskets,
            coalesce(p_min_support * count(*) / 100, greatest(count(*) / 1000.0, 3)) as least
        from baskets as b
    ),
    items as materialized (
        select c.place, c.baskets, n.item_id, n.name
        from (
            select u.place, count(*) as baskets
            from (select unnest(b.places) as place from baskets as b) as u
            group by u.place
        ) as c
        join (
            select distinct n.place, n.item_id, n.name from named as n
        ) as n on n.place = c.place
        where c.baskets >= (select t.least from total as t)
    ),
    -- Each item of a basket with those after it: the places of a basket are in order.
    pairs as (
        select v.place_a, v.place_b, count(*) as baskets
        from (
            select u.place as place_a, unnest(u.places[u.n + 1 :]) as place_b
            from (
                select b.places, unnest(b.places) as place, generate_subscripts(b.places, 1) as n
                from baskets as b
            ) as u
            join items as i on i.place = u.place
        ) as v
        join items as i on i.place = v.place_b
        group by v.place_a, v.place_b
        having count(*) >= (select t.least from total as t)
    )
    select a.item_id, a.name, b.item_id, b.name, p.baskets, a.baskets, b.baskets,
        round(100.0 * p.baskets / t.baskets, 2),
        round(100.0 * p.baskets / a.baskets, 2),
        round(100.0 * p.baskets / b.baskets, 2),
        round(p.baskets::numeric * t.baskets / (a.baskets * b.baskets), 2)
    from pairs as p
    cross join total as t
    join items as a on a.place = p.place_a
    join items as b on b.place = p.place_b
    order by p.baskets::numeric * t.baskets / (a.baskets * b.baskets) desc, p.baskets desc, a.place,
        b.place
    limit p_limit;
end;
$function$;

comment on function api.basket_affinity(text, date, date, text, numeric, integer) is
    'Pairs of products, types or categories bought in one order, the strongest first. Of the orders of the period in which something was sold: baskets with both, with a, with b; support_percent of them have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_level: product, type or category; what is paired
p_min_support: least percent of these orders, 0 to 100; null for 0.1 and no less than 3 orders
p_limit: 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
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
    -- A new store has stock before it has sales.
    select r.*
    into v_range
    from api._date_range(null, coalesce(api._newest_day(), current_date), p_days) as r;

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

-- source: db/functions/analytics/returns_analysis.sql
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
            -sum(l.quantity::bigint * (l.sold_on - (o.order_date at time zone s.time_zone)::date))
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
        k.item, k.name, k.sold, k.returned, api._percent(k.returned, k.sold),
        api._percent(k.returned, k.all_returned),
        k.amount, k.margin, round(k.days::numeric / nullif(k.returned, 0), 1)
    from (
        select n.*, sum(n.returned) over () as all_returned,
            row_number() over (
                order by case when p_by = 'month' then n.item end desc, n.returned desc, n.sold,
                    n.item
            ) as place
        from named as n
    ) as k
    where k.place <= p_limit
    order by case when p_by = 'month' then k.item end, k.place;
end;
$function$;

comment on function api.returns_analysis(text, date, date, text, text, integer) is
    'What comes back and after how long, most pieces first, months in order (the last p_limit). Pieces sold and returned in the period, return_rate (returned in percent of sold), share of all returned pieces, revenue and margin given back in USD without tax, and the average days from sale to return. A return counts on the day it came back; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: category, product_type, product (item is its sku), store or month
p_limit: 1 to 1000';
revoke execute on function api.returns_analysis(text, date, date, text, text, integer) from public;
grant execute on function api.returns_analysis(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;

-- The baskets of orders that took something back are stored anew by the next refresh. Until then their
-- days and those after them do not count as stored: reports read the lines.
set local role zava_writer;
update retail.stores as s
set rolled_up_to = x.day - 1
from (
    select o.store_id, min((o.order_date at time zone z.time_zone)::date) as day
    from (
        select i.store_id, i.order_id
        from retail.order_items as i
        join retail.orders as c on c.store_id = i.store_id and c.order_id = i.order_id
        where i.return_of_order_id is not null and c.status = 'completed'
        union all
        select i.store_id, i.order_id
        from retail.orders as r
        join retail.order_items as i on i.store_id = r.store_id and i.order_id = r.order_id
        where r.return_of is not null and i.quantity > 0
    ) as m
    join retail.orders as o on o.store_id = m.store_id and o.order_id = m.order_id
    join retail.stores as z on z.store_id = o.store_id
    where o.customer_id is not null
    group by o.store_id
) as x
where x.store_id = s.store_id and s.rolled_up_to >= x.day;
reset role;

-- Reports know the days from 1900 to 2999, whatever the time zone. One sale later than that, at
-- infinity for example, would be the newest of all whose reports it is in, and end them in errors.
-- Rows of earlier are not looked at. Last of all, for it locks the tables until the end.
set local role zava_owner;
alter table retail.orders
add constraint orders_order_date_check
check (order_date >= '1900-01-02 00:00+00' and order_date < '2999-12-31 00:00+00') not valid;
alter table retail.order_items
add constraint order_items_order_date_check
check (order_date >= '1900-01-02 00:00+00' and order_date < '2999-12-31 00:00+00') not valid;
reset role;
