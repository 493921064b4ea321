-- zava.seed_days(): how many orders a store expects on each day, in millionths, at scale 1.
-- Season (mean of the types by popularity) x growth of the year, with a dip in 2023, x weekday,
-- scaled so that the first six years add up to the store's number of orders. That window is fixed:
-- a day's number must not change when the data runs on. All of it is exact arithmetic.
create or replace function zava.seed_days(
    p_catalogue jsonb,
    p_store_key text,
    p_first date,
    p_last date
)
returns table (day date, expected bigint)
language plpgsql
immutable
parallel safe
security invoker
rows 400
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with season as materialized (
        select m.month, sum(t.popularity * t.month_index[m.month]) as weight
        from zava.seed_types(p_catalogue) as t
        cross join generate_series(1, 12) as m (month)
        group by m.month
    ),
    weights as (
        select d.day, s.weight
            * case extract(year from d.day)::integer
                when 2020 then 80 when 2021 then 93 when 2022 then 106 when 2023 then 94
                when 2024 then 108 when 2025 then 120
                else 130 + 8 * (extract(year from d.day)::integer - 2026)
            end
            * case
                when o.is_online
                    then (array[106, 102, 100, 98, 95, 97, 102])[o.weekday]
                -- shops close on Christmas Day and Thanksgiving, the fourth Thursday of November
                when to_char(d.day, 'MMDD') = '1225'
                    or (to_char(d.day, 'MMDD') between '1122' and '1128'
                        and o.weekday = 4)
                    then 0
                else (array[84, 80, 83, 90, 106, 146, 116])[o.weekday]
            end as weight
        from (
            select date '2020-07-01' + n.number as day
            from generate_series(0, greatest(p_last, date '2026-06-30') - date '2020-07-01')
                as n (number)
        ) as d
        join season as s on s.month = extract(month from d.day)
        cross join lateral (
            select p_store_key = 'online' as is_online,
                extract(isodow from d.day)::integer as weekday
        ) as o
    )
    select w.day, round(
        (select s.orders from zava.seed_shops() as s where s.store_key = p_store_key) * 1000000.0
        * w.weight / (select sum(t.weight) from weights as t where t.day <= date '2026-06-30')
    )::bigint
    from weights as w
    where w.day between p_first and p_last;
end;
$function$;

comment on function zava.seed_days(jsonb, text, date, date) is
    'Expected orders of a store by day at scale 1, in millionths of an order.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_first: first day
p_last: last day';
revoke execute on function zava.seed_days(jsonb, text, date, date) from public;
