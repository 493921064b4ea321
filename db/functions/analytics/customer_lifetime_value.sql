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
