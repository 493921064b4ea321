-- 0010 customer rollup, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._category_id(): id of a category by its name, in any case. Not a tool.
-- An unknown name gets the one that shares most of its three-letter pieces as a hint: this needs
-- no extension, and the catalogue is shared by all stores, so that naming it tells nothing.
create or replace function api._category_id(
    p_category text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_asked constant text := lower(btrim(p_category));
    v_category_id uuid;
    v_nearest text;
    v_all text;
begin
    if p_category is null then
        return null;
    end if;

    select c.category_id
    into v_category_id
    from retail.categories as c
    where lower(c.name) = v_asked;

    if v_category_id is null then
        select
            (array_agg(c.name order by p.pieces desc, c.name))[1],
            string_agg(c.name, ', ' order by c.name)
        into v_nearest, v_all
        from retail.categories as c
        cross join lateral (
            select count(*) as pieces
            from generate_series(1, least(length(v_asked), 60) - 2) as n (first)
            where position(substr(v_asked, n.first, 3) in lower(c.name)) > 0
        ) as p;

        raise exception 'there is no category %', left(p_category, 60)
            using errcode = 'invalid_parameter_value',
                  hint = format('Did you mean %s? Categories: %s.', v_nearest, v_all);
    end if;

    return v_category_id;
end;
$function$;

comment on function api._category_id(text) is
    'Id of a category; an error with the nearest name when there is none of that name.

p_category: name of a category in any case, for example Hand Tools; null gives null';
revoke execute on function api._category_id(text) from public;
grant execute on function api._category_id(text)
    to store_manager, regional_manager, head_office;

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

-- api._store_ids(): the stores that a report covers, as ids. Not a tool; every report calls it.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api._store_ids(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores uuid[];
begin
    select coalesce(array_agg(s.store_id order by s.store_id), '{}')
    into v_stores
    from retail.stores as s
    where p_store is null or s.store_key = lower(btrim(p_store));

    if p_store is not null and v_stores = '{}' then
        raise exception 'store % is not visible to you', left(p_store, 60)
            using errcode = 'insufficient_privilege',
                  hint = 'api.whoami() lists the keys of your stores.';
    end if;

    return v_stores;
end;
$function$;

comment on function api._store_ids(text) is
    'Ids of the stores of a report: the one named, or all that the caller sees.

p_store: key of a store, for example seattle; null for all';
revoke execute on function api._store_ids(text) from public;
grant execute on function api._store_ids(text)
    to store_manager, regional_manager, head_office;

-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items that are not in enough baskets are dropped before pairs are made (a pair is never in more
-- baskets than either of its items), so that the self-join stays small.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default 0.1,
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
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    perform api._require_range('p_min_support', p_min_support, 0, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    perform api._require_choice('p_level', p_level, array['product', 'type', 'category']);
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with bought as materialized (
        select distinct l.store_id, l.order_id,
            case p_level
                when 'product' then l.product_id
                when 'type' then l.type_id
                else l.category_id
            end as item_id
        from api.sale_lines as l
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
    ),
    total as (
        select count(*) as baskets
        from (select distinct b.store_id, b.order_id from bought as b) as o
    ),
    names as (
        select p.product_id as item_id, p.name from retail.products as p where p_level = 'product'
        union all
        select y.type_id, y.name from retail.product_types as y where p_level = 'type'
        union all
        select c.category_id, c.name from retail.categories as c where p_level = 'category'
    ),
    items as materialized (
        select b.item_id, n.name, count(*) as baskets,
            row_number() over (order by n.name, b.item_id) as place
        from bought as b
        join names as n on n.item_id = b.item_id
        group by b.item_id, n.name
        having 100 * count(*) >= p_min_support * (select t.baskets from total as t)
    ),
    kept as materialized (
        select b.store_id, b.order_id, i.place
        from bought as b
        join items as i on i.item_id = b.item_id
    ),
    pairs as (
        select a.place as place_a, b.place as place_b, count(*) as baskets
        from kept as a
        join kept as b
            on b.store_id = a.store_id and b.order_id = a.order_id and b.place > a.place
        group by a.place, b.place
        having 100 * count(*) >= p_min_support * (select t.baskets from total as t)
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
    'Pairs of products, types or categories bought in one order, the strongest first. Of the completed orders of the period: baskets with both, with a, with b; support_percent of all orders have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_level: product, type or category; what is paired
p_min_support: least percent of all orders, 0 to 100; a pair met by few orders says little
p_limit: 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;

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
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
    v_first date;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 1) as r;
    -- Whole months: the one of p_to and eleven before, unless p_from says otherwise.
    v_first := date_trunc(
        'month', coalesce(p_from::timestamp, v_range.date_to::timestamp - interval '11 months')
    )::date;
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
    cross join lateral generate_series(
        h.cohort::timestamp, v_range.date_to::timestamp, interval '1 month'
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

-- api.customer_lifetime_value(): what customers brought so far and may bring next.
-- Expected orders: each customer's own rate of orders, drawn towards that of its store by how much
-- customers differ (gamma-Poisson, fitted by moments). With x orders in t days, a mean rate m and
-- a variance v of the rates: (m^2 + v x) / (m + v t). One order says little and moves it little;
-- long silence lowers it. Fitted within a store: it is the same whoever asks.
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
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    perform api._require_range('p_horizon', p_horizon, 1, 1825);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 730) as r;

    return query
    -- Only the first and last hours depend on the store's time zone: the others are sure, which
    -- spares their conversion and lets the planner count them.
    with sales as not materialized (
        select o.store_id, o.customer_id, o.order_id, o.order_date, o.total_amount,
            o.status = 'return' as is_return,
            o.order_date >= v_range.moment_from + interval '26 hours'
                or o.order_date >= v_range.moment_from
                and (o.order_date at time zone s.time_zone)::date >= v_range.date_from as is_recent
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status in ('completed', 'return')
            and o.order_date < v_range.moment_to
            and (
                o.order_date < v_range.moment_to - interval '26 hours'
                or (o.order_date at time zone s.time_zone)::date <= v_range.date_to
            )
    ),
    -- The order's total is the sum of its lines; the cost is in the lines only. Each is summed by
    -- itself: orders alone come from an index, and no line is counted as an order.
    sums as (
        select a.store_id, a.customer_id,
            min(a.order_date) filter (where not a.is_return) as first_moment,
            max(a.order_date) filter (where not a.is_return) as last_moment,
            count(*) filter (where not a.is_return) as orders,
            count(*) filter (where not a.is_return and a.is_recent) as recent,
            sum(a.total_amount) as revenue,
            sum(a.total_amount) filter (where not a.is_return) as gross,
            0 as cost
        from sales as a
        group by a.store_id, a.customer_id
        union all
        select a.store_id, a.customer_id, null, null, 0, 0, 0, 0, sum(i.quantity * i.unit_cost)
        from sales as a
        join retail.order_items as i on i.store_id = a.store_id and i.order_id = a.order_id
        where v_stores is null or i.store_id = any (v_stores)
        group by a.store_id, a.customer_id
    ),
    totals as (
        select u.store_id, u.customer_id, s.store_key,
            (min(u.first_moment) at time zone s.time_zone)::date as first_day,
            (max(u.last_moment) at time zone s.time_zone)::date as last_day,
            sum(u.orders)::bigint as orders,
            sum(u.recent)::bigint as recent,
            sum(u.revenue) as revenue,
            sum(u.revenue) - sum(u.cost) as margin,
            sum(u.gross) as gross
        from sums as u
        join retail.stores as s on s.store_id = u.store_id
        group by u.store_id, u.customer_id, s.store_key, s.time_zone
        having sum(u.orders) > 0
    ),
    observed as (
        -- A first order starts the clock of its customer and is no evidence of the rate.
        select t.*,
            t.recent - (t.first_day >= v_range.date_from)::integer as x,
            least(v_range.date_to - t.first_day, v_range.date_to - v_range.date_from + 1) as t
        from totals as t
    ),
    means as (
        select o.*,
            sum(o.x) over w / nullif(sum(o.t) over w, 0)::numeric as m,
            sum(o.margin) over w / sum(o.orders) over w as mean_margin
        from observed as o
        window w as (partition by o.store_id)
    ),
    spreads as (
        select e.*,
            greatest(
                0,
                sum((e.x - e.m * e.t) * (e.x - e.m * e.t) - e.m * e.t) over w
                    / nullif(sum(e.t::numeric * e.t) over w, 0)
            ) as v
        from means as e
        window w as (partition by e.store_id)
    ),
    expected as (
        select d.*, n.orders as next_orders,
            n.orders * (d.margin + d.mean_margin) / (d.orders + 1) as next_margin
        from spreads as d
        cross join lateral (
            select p_horizon * (d.m * d.m + d.v * d.x) / nullif(d.m + d.v * d.t, 0) as orders
        ) as n
    ),
    best as (
        select x.*, x.margin + coalesce(x.next_margin, 0) as value
        from expected as x
        order by x.margin + coalesce(x.next_margin, 0) desc, x.store_key, x.customer_id
        limit p_limit
    )
    select b.store_key, b.customer_id, concat_ws(' ', c.first_name, c.last_name), c.loyalty_tier,
        b.first_day, b.last_day, b.orders, round(b.revenue, 2), round(b.margin, 2),
        round(b.gross / b.orders, 2), round(b.next_orders, 2), round(b.next_margin, 2),
        round(b.value, 2)
    from best as b
    join retail.customers as c on c.store_id = b.store_id and c.customer_id = b.customer_id
    order by b.value desc, b.store_key, b.customer_id;
end;
$function$;

comment on function api.customer_lifetime_value(text, date, date, integer, integer) is
    'The most valuable customers: what they brought, and what to expect of the next days. orders, revenue and margin are since their first completed order. lifetime_value is margin so far plus expected_margin. expected_orders: the customer''s rate of orders in the period, drawn towards the mean of its store the less there is to go by; null when the store has no repeat orders to learn from. expected_margin: times the margin per order, of this customer and one average order. All in USD after discount, without tax, net of returns; average_basket before returns. Days in the time zone of the store. Cash sales have no customer.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; of the period that the rate of orders is taken from; null for 729 days before p_to
p_to: last day; the last that counts, null for the day of the newest sale
p_horizon: days ahead, 1 to 1825
p_limit: 1 to 1000';
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    from public;
grant execute on function api.customer_lifetime_value(text, date, date, integer, integer)
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
    )
    select s.store_key, j.product_id, j.sku, j.name, j.category, v_names[j.urgency],
        j.stock_level, round(j.stock_level * j.unit_cost, 2), j.units, j.out_days,
        round(j.demand, 2), round(j.stock_level * j.days / nullif(j.units, 0), 2),
        j.lead_time_days, j.reorder_point,
        case
            when not j.is_active or j.urgency > 2 then 0
            when j.demand is null then j.reorder_point - j.stock_level
            when j.demand = 0 then 0
            else j.reorder_point + ceil(p_cover_days * j.units / j.days)::integer - j.stock_level
        end,
        z.last_sold_on
    from judged as j
    join retail.stores as s on s.store_id = j.store_id
    left join lateral (
        select m.moved_on as last_sold_on
        from retail.stock_movements as m
        where m.store_id = j.store_id and m.product_id = j.product_id and m.kind = 'sale'
        order by m.moved_on desc
        limit 1
    ) as z on true
    where p_status is null or v_names[j.urgency] = p_status
    order by j.urgency, j.demand * j.price desc nulls last, j.stock_level * j.unit_cost desc,
        s.store_key, j.sku
    limit p_limit;
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

-- zava.refresh_daily_sales(): brings retail.daily_sales and retail.daily_totals up to date, store
-- by store. Run by the administrator, from a timer; not a tool.
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
            changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last);
            rolled_up_to := greatest(rolled_up_to, v_last);
            update retail.stores as s
            set rolled_up_to = refresh_daily_sales.rolled_up_to
            where s.store_id = v_store.store_id
                and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
        end if;
        return next;
    end loop;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

-- api.sales_trend(): sales by day, week, month or quarter, without gaps.
-- Periods before p_from are read too, for the moving average and the growth of the first ones.
-- Days and weeks compare with 364 days before, which is the same weekday.
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
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_step interval;
    v_year interval;
    v_width integer;
    v_range record;
    v_first date;
    v_oldest constant date := api._oldest_day(v_stores);
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

    return query
    with periods as (
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
        where cardinality(v_stores) > 0
    ),
    bounds as (
        select p.*,
            (p.day_from - v_year)::date as year_from,
            case when p.is_complete then p.year_end else (p.day_to - v_year)::date end as year_to
        from periods as p
    ),
    daily as materialized (
        select d.sold_on, d.orders, d.units, d.gross_revenue, d.revenue, d.cost
        from api._daily_totals(
            v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
        ) as d
        where v_category is null
        union all
        select d.sold_on, d.orders, d.units, d.gross_revenue, d.revenue, d.cost
        from api._daily_sales(
            v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
        ) as d
        where d.category_id = v_category
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
        where b.year_from >= v_oldest
        group by b.start
    ),
    series as (
        select s.*,
            case when bool_and(s.is_complete and s.start >= v_oldest) over w
                and count(*) over w = v_width
                then round(avg(s.revenue) over w, 2) end as moving_average,
            case when s.is_complete and lag(s.is_complete) over (order by s.start)
                then lag(s.revenue) over (order by s.start) end as previous,
            case when s.year_from >= v_oldest then coalesce(y.revenue, 0.00) end as year_ago
        from sums as s
        left join years as y on y.start = s.start
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

revoke select, insert, update, delete on retail.daily_customers from zava_writer;
revoke select on retail.daily_customers from store_manager, regional_manager, head_office;
drop policy daily_customers_writer_all on retail.daily_customers;
drop policy daily_customers_head_office_fence on retail.daily_customers;
drop policy daily_customers_regional_manager_fence on retail.daily_customers;
drop policy daily_customers_store_manager_fence on retail.daily_customers;
drop policy daily_customers_head_office_select on retail.daily_customers;
drop policy daily_customers_regional_manager_select on retail.daily_customers;
drop policy daily_customers_store_manager_select on retail.daily_customers;
alter table retail.daily_customers no force row level security;
alter table retail.daily_customers disable row level security;
drop function zava._store_daily_customers(uuid, date, date);
drop function api._nearest(text, text[]);
drop function api._daily_customers(uuid, date, date);
drop function api._base_customers(uuid, date, date);

-- sources end

drop table retail.daily_customers;
reset role;
