-- zava.seed_buyers(): who places each of a store's missing orders; no row for a cash sale.
-- Drawn from the customers that exist at the order's own scale (born_at), so that a larger scale
-- changes no buyer. Low numbers come up more often, and of two drawn the more loyal one buys: a
-- fifth of the customers makes most of the orders. A founder stands in for one who has not
-- joined by that day.
create or replace function zava.seed_buyers(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, customer_id uuid)
language plpgsql
stable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with drawn as materialized (
        select k.order_id, k.order_key, k.day, k.born_at, s.shop_key, s.founders, s.joiners,
            zava.seed_number(
                k.order_key, 2, s.founders + s.joiners * zava.seed_business_year(k.day)
            ) - s.founders as place
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join zava.seed_shops() as s on s.store_key = p_store_key
        where zava.seed_number(k.order_key, 3, 1000) >= case when s.is_online then 0 else 108 end
    ),
    cohorts as materialized (
        select d.order_id, d.order_key, d.day, d.shop_key,
            (d.born_at * d.founders + 500000) / 1000000 as founders,
            case when d.place < 0 then 0 else 1 + d.place / d.joiners end as cohort,
            (
                d.born_at * case when d.place < 0 then d.founders else d.joiners end + 500000
            ) / 1000000 as pool
        from drawn as d
    ),
    pairs as materialized (
        select c.order_id, c.order_key, c.day, c.shop_key, c.founders, c.cohort, t.number,
            zava.seed_key(zava.seed_key(c.shop_key, -1 - c.cohort), t.number) as customer_key,
            row_number() over (
                partition by c.order_id
                order by zava.seed_number(
                    zava.seed_key(zava.seed_key(c.shop_key, -1 - c.cohort), t.number), 1, 100
                ) desc, t.number
            ) as choice
        from cohorts as c
        cross join lateral (
            values
                (zava.seed_weighted_rank(c.order_key, 4, c.pool)),
                (zava.seed_weighted_rank(c.order_key, 5, c.pool))
        ) as t (number)
    ),
    buyers as (
        select p.order_id, b.cohort, b.number
        from pairs as p
        cross join lateral (
            select p.cohort, p.number
            where p.number > 0 and zava.seed_signup_day(p.customer_key, p.cohort) <= p.day
            union all
            select 0, zava.seed_weighted_rank(p.order_key, 6, p.founders)
            where p.number = 0 or zava.seed_signup_day(p.customer_key, p.cohort) > p.day
        ) as b (cohort, number)
        where p.choice = 1
    )
    select b.order_id,
        zava.seed_uuid('customer:' || p_store_key || ':' || b.cohort || ':' || b.number)
    from buyers as b
    where b.number > 0;
end;
$function$;

comment on function zava.seed_buyers(jsonb, text, bigint, date, date) is
    'Customers of the orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_buyers(jsonb, text, bigint, date, date) from public;
