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
