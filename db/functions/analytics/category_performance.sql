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
        and (exists (select from sums as s) or api._has_stores())
    order by coalesce(s.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Revenue, margin and returns by category, against as many days before and the same days a year ago. orders: those in which something of the category was sold; they do not add up. gross_revenue: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold; growth_percent: from previous_revenue. USD after discount, without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
    to store_manager, regional_manager, head_office;
