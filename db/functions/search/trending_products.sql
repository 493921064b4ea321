-- api.trending_products(): products that more customers buy than before. Orders of the last p_days
-- days against those to be expected from the p_baseline_days days before. Orders, not units: one
-- that takes forty is no trend. Ranked by what is more over the square root of what was expected
-- plus one, which is how far it lies beyond accident: 3 instead of 1 come behind 90 instead of 30.
create or replace function api.trending_products(
    p_store text default null,
    p_category text default null,
    p_to date default null,
    p_days integer default 28,
    p_baseline_days integer default 84,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    units bigint,
    orders bigint,
    expected_orders numeric,
    growth_percent numeric,
    trend_score numeric,
    why text
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
    v_range record;
    v_first date;
begin
    perform api._require_range('p_days', p_days, 1, 365);
    perform api._require_range('p_baseline_days', p_baseline_days, 1, 730);
    perform api._require_range('p_limit', p_limit, 1, 100);
    select r.* into v_range from api._date_range(null, p_to, p_days + p_baseline_days) as r;
    v_first := v_range.date_to - p_days + 1;

    return query
    with sold as (
        select l.product_id,
            sum(l.quantity) filter (where l.sold_on >= v_first) as units,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on >= v_first) as orders,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on < v_first) as before
        from api.sale_lines as l
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    expected as (
        select s.*, s.before::numeric * p_days / p_baseline_days as expected
        from sold as s
    ),
    scored as (
        select e.*, (e.orders - e.expected) / sqrt(e.expected + 1) as trend_score
        from expected as e
        where e.orders > e.expected
    ),
    best as (
        select s.*, row_number() over (order by s.trend_score desc, s.product_id) as rank
        from scored as s
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.units, b.orders, round(b.expected, 1), api._growth(b.orders, b.expected),
        round(b.trend_score, 2),
        format(
            '%s orders in %s days, %s in the %s before', b.orders, p_days, b.before, p_baseline_days
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function
    api.trending_products(text, text, date, integer, integer, integer) is
    'Products that are in more orders than before, the surest growth first. units and orders: sold in the p_days days, returns not taken off; expected_orders: as many as the baseline has in p_days days; growth_percent: from these; trend_score: orders beyond that over the square root of it plus one. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_store: key of a store; null for all that you see
p_category: name of a category; null for all
p_to: last day; null for the day of the newest sale
p_days: 1 to 365
p_baseline_days: days before these, 1 to 730
p_limit: 1 to 100';
revoke execute on function api.trending_products(text, text, date, integer, integer, integer)
    from public;
grant execute on function api.trending_products(text, text, date, integer, integer, integer)
    to store_manager, regional_manager, head_office;
