-- zava.seed_slices(): the portions in which orders are made, about 30,000 at most each.
-- Bounds the memory of one statement at large scales and lets a progress bar move.
create or replace function zava.seed_slices(
    p_scale bigint,
    p_until date
)
returns table (store_key text, first_day date, last_day date, share double precision)
language plpgsql
immutable
parallel safe
security invoker
rows 20
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with portions as (
        select
            s.store_key,
            s.orders,
            d.first_day::date as first_day,
            least(d.first_day::date + p.days - 1, p_until) as last_day
        from zava.seed_shops() as s
        cross join lateral (
            -- scale 1 spreads its orders over 2,191 days
            select greatest(1, 30000 * 2191000000::bigint / (s.orders * p_scale))::integer as days
        ) as p
        cross join lateral (
            select date '2020-07-01' + n.number as first_day
            from generate_series(0, p_until - date '2020-07-01', p.days) as n (number)
        ) as d
    )
    select
        p.store_key,
        p.first_day,
        p.last_day,
        p.orders * (p.last_day - p.first_day + 1)
            / sum(p.orders * (p.last_day - p.first_day + 1)::double precision) over ()
    from portions as p
    order by p.store_key, p.first_day;
end;
$function$;

comment on function zava.seed_slices(bigint, date) is
    'Portions of store and days in which the orders of the demo data are made; share is of the work.

p_scale: scale in millionths
p_until: last day of the data';
revoke execute on function zava.seed_slices(bigint, date) from public;
