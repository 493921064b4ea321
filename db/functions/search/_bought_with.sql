-- api._bought_with(): what orders with some products hold beside these, product by product. Not a
-- tool. Returns are left out. Beyond chance: orders with both, less those to be expected if the two
-- had nothing to do with each other; lift: how many times more often they meet than so.
create or replace function api._bought_with(
    p_products uuid[],
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    product_id uuid,
    other_id uuid,
    orders bigint,
    orders_with bigint,
    other_orders bigint,
    orders_together bigint,
    beyond_chance numeric,
    lift numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with lines as not materialized (
        select l.store_id, l.order_id, l.product_id, l.is_return
        from api.sale_lines as l
        where (p_stores is null or l.store_id = any (p_stores))
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
    ),
    with_it as materialized (
        select distinct l.product_id, l.store_id, l.order_id
        from lines as l
        where l.product_id = any (p_products) and not l.is_return
    ),
    pairs as materialized (
        select w.product_id, l.product_id as other_id,
            count(distinct (l.store_id, l.order_id)) as orders
        from with_it as w
        join api.sale_lines as l
            on l.store_id = w.store_id and l.order_id = w.order_id
            and l.product_id <> w.product_id and not l.is_return
        group by w.product_id, l.product_id
    ),
    sizes as materialized (
        select l.product_id, count(distinct (l.store_id, l.order_id)) as orders
        from lines as l
        where not l.is_return
            and (
                l.product_id = any (p_products)
                or l.product_id in (select p.other_id from pairs as p)
            )
        group by l.product_id
    ),
    total as (
        select count(distinct (l.store_id, l.order_id)) as orders from lines as l where not l.is_return
    )
    select p.product_id, p.other_id, t.orders, a.orders, b.orders, p.orders,
        round(p.orders - a.orders::numeric * b.orders / t.orders, 2),
        round(p.orders::numeric * t.orders / (a.orders * b.orders), 2)
    from pairs as p
    cross join total as t
    join sizes as a on a.product_id = p.product_id
    join sizes as b on b.product_id = p.other_id;
end;
$function$;

comment on function api._bought_with(uuid[], uuid[], date, date) is
    'Pairs of a product and another one in the same orders, with lift.

p_products: the products
p_stores: only these stores; null for all that the caller sees
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api._bought_with(uuid[], uuid[], date, date) from public;
grant execute on function api._bought_with(uuid[], uuid[], date, date)
    to store_manager, regional_manager, head_office;
