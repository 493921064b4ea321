-- api._base_sales(): sales of one store by day and category from its order lines. Not a tool.
-- The one place where lines become the measures of the rollup: zava.refresh_daily_sales() stores
-- what this says, and reports ask it for days that are not stored yet.
-- Not SQL, which would be planned as a part of each report: where all days are stored, nothing asks
-- for this, and planning it took as long as the rest of a small report.
create or replace function api._base_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    sold_on date,
    category_id uuid,
    lines bigint,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        l.sold_on,
        l.category_id,
        count(*),
        count(distinct l.order_id) filter (where not l.is_return),
        sum(l.quantity),
        coalesce(-sum(l.quantity) filter (where l.is_return), 0),
        coalesce(sum(l.total_amount) filter (where not l.is_return), 0),
        sum(l.total_amount),
        sum(l.cost),
        sum(l.discount_amount)
    from span as s
    join api.sale_lines as l
        on l.store_id = s.store_id
        and l.order_date >= s.moment_from
        and l.order_date < s.moment_to
    group by l.sold_on, l.category_id;
end;
$function$;

comment on function api._base_sales(uuid, date, date) is
    'Sales of one store by day and category, computed from the lines.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_sales(uuid, date, date) from public;
grant execute on function api._base_sales(uuid, date, date)
    to store_manager, regional_manager, head_office;
