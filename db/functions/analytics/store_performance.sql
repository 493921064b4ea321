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
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_store record;
    v_range record;
    v_days integer;
begin
    select s.time_zone, s.rolled_up_to into v_store
    from retail.stores as s
    where s.store_id = p_store_id;
    if v_store.time_zone is null then
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
    from api._performance(
        p_store_id, v_store.time_zone, v_store.rolled_up_to, v_range.date_from, v_range.date_to
    ) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue (after discount, net of returns), gross_revenue (before returns), orders (completed), units (net of returns), average_basket (gross_revenue / orders), margin (revenue less purchase cost), margin_percent (of revenue), returned_units, returned_revenue, return_rate (pieces returned in percent of pieces sold) and active_customers (with a completed order), new_customers (their first one here) and returning_customers (the others). Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;
