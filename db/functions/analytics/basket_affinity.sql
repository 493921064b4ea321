-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items are numbered, and a basket is an array of them in order: its pairs are each item with those
-- after it, without a join. Items that are not in enough baskets are dropped before pairs are counted:
-- a pair is never in more baskets than either of its items.
-- Pairs that one or two orders happen to hold have the highest lift of all, and say nothing: unless the
-- caller says how many are enough, there must be three.
-- work_mem: the lines of a year are sorted once by basket, for head office those of all stores.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default null,
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
    perform api._require_range('p_min_support', coalesce(p_min_support, 0), 0, 100);
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
        select array_agg(distinct n.place) as places
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
        select
            count(*) as baskets,
            coalesce(p_min_support * count(*) / 100, greatest(count(*) / 1000.0, 3)) as least
        from baskets as b
    ),
    items as materialized (
        select c.place, c.baskets, n.item_id, n.name
        from (
            select u.place, count(*) as baskets
            from (select unnest(b.places) as place from baskets as b) as u
            group by u.place
        ) as c
        join (
            select distinct n.place, n.item_id, n.name from named as n
        ) as n on n.place = c.place
        where c.baskets >= (select t.least from total as t)
    ),
    -- Each item of a basket with those after it: the places of a basket are in order.
    pairs as (
        select v.place_a, v.place_b, count(*) as baskets
        from (
            select u.place as place_a, unnest(u.places[u.n + 1 :]) as place_b
            from (
                select b.places, unnest(b.places) as place, generate_subscripts(b.places, 1) as n
                from baskets as b
            ) as u
            join items as i on i.place = u.place
        ) as v
        join items as i on i.place = v.place_b
        group by v.place_a, v.place_b
        having count(*) >= (select t.least from total as t)
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
    'Pairs of products, types or categories bought in one order, the strongest first. Of the orders of the period in which something was sold: baskets with both, with a, with b; support_percent of them have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_level: product, type or category; what is paired
p_min_support: least percent of these orders, 0 to 100; null for 0.1 and no less than 3 orders
p_limit: 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;
