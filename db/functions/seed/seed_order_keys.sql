-- zava.seed_order_keys(): every order that a store has on some days at a scale.
-- Order n of a day exists from the scale on at which expectation x scale, plus a fraction that is
-- the day's own, reaches n: a larger scale adds numbers and changes none. born_at is that scale in
-- millionths, rounded down. Whatever an order refers to must exist at born_at already.
create or replace function zava.seed_order_keys(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, order_key bigint, day date, born_at bigint, is_cancelled boolean)
language plpgsql
immutable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        zava.seed_uuid('order:' || p_store_key || ':' || d.day_no || ':' || n.number),
        k.order_key,
        d.day,
        (n.number * 1000000::bigint - d.fraction) * 1000000 / d.expected,
        zava.seed_number(k.order_key, 1, 1000) < case p_store_key when 'online' then 9 else 4 end
    from (
        select
            e.day,
            e.expected,
            e.day - date '2020-07-01' as day_no,
            zava.seed_key(s.shop_key, e.day - date '2020-07-01') as day_key,
            zava.seed_number(
                zava.seed_key(s.shop_key, e.day - date '2020-07-01'), 1, 1000000
            ) as fraction
        from zava.seed_days(p_catalogue, p_store_key, p_first, p_last) as e
        cross join zava.seed_shops() as s
        where s.store_key = p_store_key and e.expected > 0
    ) as d
    cross join lateral generate_series(
        1, (d.expected * p_scale / 1000000 + d.fraction) / 1000000
    ) as n (number)
    cross join lateral (select zava.seed_key(d.day_key, n.number) as order_key) as k;
end;
$function$;

comment on function zava.seed_order_keys(jsonb, text, bigint, date, date) is
    'Ids and keys of the sales orders that a store of the demo data has on some days.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_order_keys(jsonb, text, bigint, date, date) from public;
