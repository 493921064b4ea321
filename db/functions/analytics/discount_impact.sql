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
    'Sales without discount, up to 5, 10, 15, 20 % and over: what was sold and what margin was left. Returns are left out, so revenue is gross. list_revenue is before discount, discount_percent the discount in percent of it; margin: revenue less purchase cost. USD without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all';
revoke execute on function api.discount_impact(text, date, date, text) from public;
grant execute on function api.discount_impact(text, date, date, text)
    to store_manager, regional_manager, head_office;
