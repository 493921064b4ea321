-- api.store_comparison(): the caller's stores beside each other, best first.
-- The stores are read once, with their names and their sales: each time more would be one more check of
-- the context. With one plan: to plan for the values at hand took as long as two thirds of the whole.
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
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_range record;
    v_days integer;
    v_previous date;
    v_year_from date;
    v_year_to date;
begin
    perform api._require_choice(
        'p_by', p_by, array['revenue', 'margin', 'orders', 'units', 'growth']
    );
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;
    v_previous := v_range.date_from - v_days;
    v_year_from := v_range.date_from - interval '1 year';
    v_year_to := v_range.date_to - interval '1 year';

    return query
    -- No day is read twice: a year ago may lie in the days before, in part or whole.
    with spans (day_from, day_to) as (
        values
            (v_previous, v_range.date_to),
            (v_year_from, least(v_year_to, v_previous - 1))
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
        cross join lateral (
            select
                sum(t.revenue) filter (where t.sold_on >= v_range.date_from) as revenue,
                sum(t.gross_revenue) filter (where t.sold_on >= v_range.date_from) as gross_revenue,
                sum(t.orders) filter (where t.sold_on >= v_range.date_from) as orders,
                sum(t.units) filter (where t.sold_on >= v_range.date_from) as units,
                sum(t.returned_units) filter (where t.sold_on >= v_range.date_from)
                    as returned_units,
                sum(t.revenue - t.cost) filter (where t.sold_on >= v_range.date_from) as margin,
                sum(t.revenue) filter (
                    where t.sold_on >= v_previous and t.sold_on < v_range.date_from
                ) as previous,
                sum(t.revenue) filter (where t.sold_on between v_year_from and v_year_to)
                    as year_ago
            from spans as p
            cross join lateral api._daily_store_totals(
                s.store_id, s.rolled_up_to, p.day_from, p.day_to
            ) as t
            where p.day_from <= p.day_to
        ) as d
        where v_days is not null
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
    'Your stores side by side, against as many days before (previous) and the same days a year ago. Equal stores share a rank. average_basket: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold. USD after discount, without tax, net of returns; days of each store''s time zone.

p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
    to store_manager, regional_manager, head_office;
