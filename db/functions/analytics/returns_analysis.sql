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
