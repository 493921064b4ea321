-- 0004 shorter comments, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
    'Pairs of products, types or categories that customers buy in one order, the strongest first. Of the completed orders of the period: baskets with both, with a, with b; support_percent of all orders have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_level: what is paired: product, type or category
p_min_support: smallest support in percent of all orders, 0 to 100; a pair met by few orders says little
p_limit: number of pairs, 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;

-- api.category_performance(): every category, against the period before and a year ago.
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
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
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
            p.period,
            d.category_id,
            sum(d.revenue) as revenue,
            sum(d.gross_revenue) as gross_revenue,
            sum(d.orders)::bigint as orders,
            sum(d.units)::bigint as units,
            sum(d.revenue - d.cost) as margin,
            sum(d.discount_amount) as discount_amount,
            sum(d.returned_units)::bigint as returned_units
        from periods as p
        cross join lateral api._daily_sales(v_stores, p.day_from, p.day_to) as d
        group by p.period, d.category_id
    )
    select
        c.name,
        coalesce(n.revenue, 0.00),
        api._percent(coalesce(n.revenue, 0.00), sum(n.revenue) over ()),
        coalesce(n.gross_revenue, 0.00),
        coalesce(n.orders, 0),
        coalesce(n.units, 0),
        coalesce(n.margin, 0.00),
        api._percent(n.margin, n.revenue),
        coalesce(n.discount_amount, 0.00),
        coalesce(n.returned_units, 0),
        api._percent(n.returned_units, n.units + n.returned_units),
        coalesce(b.revenue, 0.00),
        api._growth(coalesce(n.revenue, 0.00), b.revenue),
        coalesce(y.revenue, 0.00),
        api._growth(coalesce(n.revenue, 0.00), y.revenue)
    from retail.categories as c
    left join sums as n on n.category_id = c.category_id and n.period = 'now'
    left join sums as b on b.category_id = c.category_id and b.period = 'previous'
    left join sums as y on y.category_id = c.category_id and y.period = 'year'
    where cardinality(v_stores) > 0 and v_days is not null
    order by coalesce(n.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Every category with its share of revenue, margin and returns, compared with as many days before (previous) and with the same days a year ago. orders: those in which something of the category was sold; they do not add up. USD without tax, net of returns; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
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
    'Retention by first month: for the customers whose first completed order at their store fell in the month cohort (its first day), how many had a completed order 0, 1, 2, ... months_later, in percent of them, and what they brought. Months without one show 0. is_complete is false for a month that p_to cuts short. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; months in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: a day in the first cohort''s month; null for eleven months before p_to
p_to: last day that counts, inclusive; null for the day of the newest sale';
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
    'The most valuable customers: orders, revenue and margin since their first completed order, and what to expect of the next p_horizon days. lifetime_value is margin so far plus expected_margin. expected_orders: the customer''s rate of orders in the period, drawn towards the mean of its store the less there is to go by; null when the store has no repeat orders to learn from. expected_margin: times the margin per order, of this customer and one average order. All in USD after discount, without tax, net of returns; average_basket before returns. Days in the time zone of the store. Cash sales have no customer.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive, of the period that the rate of orders is taken from; null for 729 days before p_to
p_to: last day that counts, inclusive; null for the day of the newest sale
p_horizon: days to look ahead, 1 to 1825
p_limit: number of customers, 1 to 1000';
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
    'Active customers (a completed order in the period) in eight named groups, by fifths of their store, 5 the best: R days since the last order, F number of completed orders, M revenue. champions: R, F, M at least 4; loyal: R and F at least 3; promising: R at least 4; needs attention: R 3; of R 1 or 2, cannot lose: F and M at least 4, at risk: F at least 3, hibernating: R 2, lost: R 1. The first that fits counts; groups without customers are left out. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive, from which recency counts; null for the day of the newest sale';
revoke execute on function api.customer_segments(text, date, date) from public;
grant execute on function api.customer_segments(text, date, date)
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
    'What was sold without discount, up to 5, 10, 15, 20 % and over: lines, pieces a line, what it cost in discount and what margin was left. Returns are left out, so revenue is gross. list_revenue is before discount. USD without tax; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all';
revoke execute on function api.discount_impact(text, date, date, text) from public;
grant execute on function api.discount_impact(text, date, date, text)
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
    'Stock by store and product, the most urgent first, judged by the last p_days days of the stock ledger up to the newest sale. status, the first that fits: stock out (nothing left), dead (nothing sold in these days), reorder (at or below reorder_point), overstock (cover of more than 180 days), ok. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

p_store: key of one store, for example seattle; null for all that you see
p_category: name of a category, for example Hand Tools; null for all
p_status: only this status: stock out, reorder, dead, overstock or ok; null for all
p_days: length of the period that demand is taken from, 7 to 365 days
p_cover_days: days of demand that an order should cover beyond the lead time, 1 to 365
p_limit: number of rows, 1 to 1000';
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer)
    from public;
grant execute on function api.inventory_status(text, text, text, integer, integer, integer)
    to store_manager, regional_manager, head_office;

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
    'What comes back, most pieces first, months in order: pieces sold and returned in the period, return_rate (returned in percent of sold), share of all returned pieces, revenue and margin given back in USD without tax, and the average days from sale to return. A return counts on the day it came back; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all
p_by: category, product_type, product (item is its sku), store or month
p_limit: how many rows, 1 to 1000';
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

p_store: key of one store, for example seattle; null for all that you see
p_from: first day to judge, inclusive; null for 89 days before p_to
p_to: last day to judge, inclusive; null for the day of the newest sale
p_threshold: smallest score, up or down, 0.5 to 100; 3.5 is customary
p_limit: number of days, 1 to 1000';
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
    'Expected revenue a day for the p_horizon days after p_to, all stores asked about together. method: seasonal naive (the same weekday a year before), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper held p_level percent of the days of the back-test; of a sum of days it says nothing. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: key of one store, for example seattle; null for all that you see
p_horizon: days to forecast, 1 to 180
p_to: last day of known sales; null for the day of the newest sale
p_level: width of the interval in percent, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

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

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category; null for all. Orders are then those with a product of it
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
    'Month index by category: revenue a day of the month in percent of the average day of its year; 100 is an average month. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_category: name of a category, for example Hand Tools; null for all
p_years: at most so many years, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
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
    'The stores that you see beside each other: rank, share of their revenue, basket, margin, returns, and growth against as many days before (previous) and the same days a year ago. Equal stores share a rank. USD without tax, net of returns; days of each store''s time zone.

p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth: what decides the rank';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
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
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
    v_days integer;
begin
    if not exists (select from retail.stores as s where s.store_id = p_store_id) then
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
    from api._performance(p_store_id, v_range.date_from, v_range.date_to) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'How one store does: a row for each of revenue, gross_revenue, orders, units, average_basket, margin, margin_percent, returned_units, returned_revenue, return_rate and active, new and returning customers. Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: id of the store, from retail.stores
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
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
    'The products that sell best, net of returns, with their share of the revenue of all products asked about. orders: those in which the product was sold. USD without tax; days of the store''s time zone.

p_store: key of a store, for example seattle; null for all that you see
p_from: first day, inclusive; null for 29 days before p_to
p_to: last day, inclusive; null for the day of the newest sale
p_category: name of a category, for example Hand Tools; null for all
p_by: revenue, units or margin: what decides the rank
p_limit: how many products, 1 to 1000';
revoke execute on function api.top_products(text, date, date, text, text, integer) from public;
grant execute on function api.top_products(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
