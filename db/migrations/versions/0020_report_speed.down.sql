-- 0020 report speed, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
    v_days integer;
begin
    if not exists (select from retail.stores as s where s.store_id = p_store_id) then
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
    from api._performance(p_store_id, v_range.date_from, v_range.date_to) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue, gross_revenue, orders, units, average_basket, margin, margin_percent, returned_units, returned_revenue, return_rate and active, new and returning customers. Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items that are not in enough baskets are dropped before pairs are made (a pair is never in more
-- baskets than either of its items), so that the self-join stays small. Baskets and items are
-- numbered first: what is joined and counted then are pairs of integers.
-- work_mem: the lines of a year are sorted once by basket, for head office those of all stores.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default 0.1,
    p_limit integer default 50
)
returns table (
    item_a_id uuid,
    item_a text,
    item_b_id uuid,
    item_b text,
    baskets bigint,
    baskets_a bigint,
    baskets_b bigint,
    support_percent numeric,
    confidence_a_to_b_percent numeric,
    confidence_b_to_a_percent numeric,
    lift numeric
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
    v_span record;
begin
    perform api._require_range('p_min_support', p_min_support, 0, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    perform api._require_choice('p_level', p_level, array['product', 'type', 'category']);
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;
    select s.*
    into v_span
    from api._span(api._store_ids(p_store), v_range.date_from, v_range.date_to) as s;

    return query
    with named as (
        select k.product_id, k.item_id, k.name,
            dense_rank() over (order by k.name, k.item_id)::integer as place
        from (
            select p.product_id,
                case p_level
                    when 'product' then p.product_id when 'type' then y.type_id else c.category_id
                end as item_id,
                case p_level
                    when 'product' then p.name when 'type' then y.name else c.name
                end as name
            from retail.products as p
            join retail.product_types as y on y.type_id = p.type_id
            join retail.categories as c on c.category_id = p.category_id
        ) as k
    ),
    baskets as materialized (
        select row_number() over ()::integer as basket, array_agg(distinct n.place) as places
        from api.sale_lines as l
        join named as n on n.product_id = l.product_id
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
        -- By order first: what differs early sorts fast.
        group by l.order_id, l.store_id
    ),
    total as materialized (
        select count(*) as baskets from baskets as b
    ),
    bought as materialized (
        select b.basket, unnest(b.places) as place from baskets as b
    ),
    items as materialized (
        select c.place, c.baskets, n.item_id, n.name
        from (select b.place, count(*) as baskets from bought as b group by b.place) as c
        join (
            select distinct n.place, n.item_id, n.name from named as n
        ) as n on n.place = c.place
        where 100 * c.baskets >= p_min_support * (select t.baskets from total as t)
    ),
    kept as materialized (
        select b.basket, b.place from bought as b join items as i on i.place = b.place
    ),
    pairs as (
        select a.place as place_a, b.place as place_b, count(*) as baskets
        from kept as a
        join kept as b on b.basket = a.basket and b.place > a.place
        group by a.place, b.place
        having 100 * count(*) >= p_min_support * (select t.baskets from total as t)
    )
    select a.item_id, a.name, b.item_id, b.name, p.baskets, a.baskets, b.baskets,
        round(100.0 * p.baskets / t.baskets, 2),
        round(100.0 * p.baskets / a.baskets, 2),
        round(100.0 * p.baskets / b.baskets, 2),
        round(p.baskets::numeric * t.baskets / (a.baskets * b.baskets), 2)
    from pairs as p
    cross join total as t
    join items as a on a.place = p.place_a
    join items as b on b.place = p.place_b
    order by p.baskets::numeric * t.baskets / (a.baskets * b.baskets) desc, p.baskets desc, a.place,
        b.place
    limit p_limit;
end;
$function$;

comment on function api.basket_affinity(text, date, date, text, numeric, integer) is
    'Pairs of products, types or categories bought in one order, the strongest first. Of the completed orders of the period: baskets with both, with a, with b; support_percent of all orders have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_level: product, type or category; what is paired
p_min_support: least percent of all orders, 0 to 100; a pair met by few orders says little
p_limit: 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
