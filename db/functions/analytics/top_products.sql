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
    'The products that sell best, net of returns. revenue_percent: share of the revenue of all products asked about. orders: those in which the product was sold. margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold. USD after discount, without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: revenue, units or margin
p_limit: 1 to 1000';
revoke execute on function api.top_products(text, date, date, text, text, integer) from public;
grant execute on function api.top_products(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;
