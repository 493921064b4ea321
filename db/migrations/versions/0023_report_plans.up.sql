-- 0023 report plans.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/analytics/_base_orders.sql
-- api._base_orders(): completed orders of one store by day, from the orders. Not a tool.
-- Beside api._base_sales() and like it: orders do not add up over categories.
create or replace function api._base_orders(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (sold_on date, orders bigint)
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
            s.time_zone,
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select d.sold_on, count(*)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    where o.status = 'completed'
    group by d.sold_on;
end;
$function$;

comment on function api._base_orders(uuid, date, date) is
    'Completed orders of one store by day.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_orders(uuid, date, date) from public;
grant execute on function api._base_orders(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_sales.sql
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
            p_from::timestamp at time zone s.time_zone as moment_from,
            (p_to + 1)::timestamp at time zone s.time_zone as moment_to
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

-- source: db/functions/analytics/_daily_sales.sql
-- api._daily_sales(): sales by store, day and category, wherever they are kept. Not a tool.
-- Days up to stores.rolled_up_to come from the rollup, later ones from the lines: one snapshot
-- sees both, so that a day is never counted twice or left out. The stores are read once: each
-- table with policies costs a check of the context.
create or replace function api._daily_sales(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    category_id uuid,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        s.store_id,
        d.sold_on,
        d.category_id,
        d.orders,
        d.units,
        d.returned_units,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    cross join lateral (
        select
            t.sold_on,
            t.category_id,
            t.orders::bigint as orders,
            t.units::bigint as units,
            t.returned_units::bigint as returned_units,
            t.gross_revenue,
            t.revenue,
            t.cost,
            t.discount_amount
        from retail.daily_sales as t
        where t.store_id = s.store_id
            and t.sold_on between p_from and p_to
            and t.sold_on <= s.rolled_up_to
        union all
        select
            b.sold_on,
            b.category_id,
            b.orders,
            b.units,
            b.returned_units,
            b.gross_revenue,
            b.revenue,
            b.cost,
            b.discount_amount
        from api._base_sales(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
    ) as d
    where s.store_id = any (p_stores);
end;

comment on function api._daily_sales(uuid[], date, date) is
    'Sales by store, day of its time zone and category. Orders are those with a sold line of the category.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_sales(uuid[], date, date) from public;
grant execute on function api._daily_sales(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_totals.sql
-- api._daily_totals(): sales by store and day, wherever they are kept. Not a tool.
-- Like api._daily_sales(). A day that is not stored yet comes in several rows, which add up: one a
-- category, and one with the number of orders, which categories do not tell.
create or replace function api._daily_totals(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        s.store_id,
        d.sold_on,
        d.orders,
        d.units,
        d.returned_units,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    cross join lateral (
        select
            t.sold_on,
            t.orders::bigint as orders,
            t.units::bigint as units,
            t.returned_units::bigint as returned_units,
            t.gross_revenue,
            t.revenue,
            t.cost,
            t.discount_amount
        from retail.daily_totals as t
        where t.store_id = s.store_id
            and t.sold_on between p_from and p_to
            and t.sold_on <= s.rolled_up_to
        union all
        select
            b.sold_on,
            0::bigint,
            b.units,
            b.returned_units,
            b.gross_revenue,
            b.revenue,
            b.cost,
            b.discount_amount
        from api._base_sales(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
        union all
        select b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric,
            0::numeric
        from api._base_orders(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
    ) as d
    where s.store_id = any (p_stores);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_oldest_day.sql
-- api._oldest_day(): day of the first sale of these stores. Not a tool.
-- One probe of the index a store, like api._newest_day(). With one plan: reports that have their own
-- statements planned for the values at hand would have this planned anew each time.
create or replace function api._oldest_day(
    p_stores uuid[]
)
returns date
language sql
stable
parallel restricted
security invoker
set plan_cache_mode = force_generic_plan
begin atomic
    select min(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date
        limit 1
    ) as n
    where s.store_id = any (p_stores);
end;

comment on function api._oldest_day(uuid[]) is
    'Day of the first sale of some stores, in the time zone of its store. Null when there is none.

p_stores: ids of the stores';
revoke execute on function api._oldest_day(uuid[]) from public;
grant execute on function api._oldest_day(uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_store_ids.sql
-- api._store_ids(): the stores that a report covers, as ids. Not a tool; every report calls it.
-- A store that is not there and one that the caller may not see get the same answer; what it
-- suggests is taken from the stores that the caller sees. With one plan, like api._oldest_day().
create or replace function api._store_ids(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_stores uuid[];
begin
    select coalesce(array_agg(s.store_id order by s.store_id), '{}')
    into v_stores
    from retail.stores as s
    where p_store is null or s.store_key = lower(btrim(p_store));

    if p_store is not null and v_stores = '{}' then
        raise exception 'store % is not visible to you', left(p_store, 60)
            using errcode = 'insufficient_privilege',
                  hint = concat(
                      'Did you mean ' || api._nearest(
                          p_store, array(select s.store_key from retail.stores as s)
                      ) || '? ',
                      'api.whoami() lists the keys of your stores.'
                  );
    end if;

    return v_stores;
end;
$function$;

comment on function api._store_ids(text) is
    'Ids of the stores of a report: the one named, or all that the caller sees.

p_store: key of a store, for example seattle; null for all';
revoke execute on function api._store_ids(text) from public;
grant execute on function api._store_ids(text)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
