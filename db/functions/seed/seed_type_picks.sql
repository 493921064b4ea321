-- zava.seed_type_picks(): what the season puts into a basket, as 2,048 equal tickets a month.
-- A ticket per (month, number) turns a weighted draw into one hash join. Weights are whole numbers,
-- so that the last ticket of a type is the same on every platform.
create or replace function zava.seed_type_picks(
    p_catalogue jsonb
)
returns table (month integer, ticket integer, type_no integer)
language plpgsql
immutable
parallel safe
security invoker
rows 24576
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with weights as (
        select m.month, t.type_no,
            round(1000000 * t.popularity * t.month_index[m.month])::bigint as weight
        from zava.seed_types(p_catalogue) as t
        cross join generate_series(1, 12) as m (month)
    ),
    bounds as (
        select w.month, w.type_no, w.weight,
            sum(w.weight) over (partition by w.month order by w.type_no) as upper_bound,
            sum(w.weight) over (partition by w.month) as total
        from weights as w
    )
    select b.month, t.ticket, b.type_no
    from bounds as b
    cross join lateral generate_series(
        ceil(2048 * (b.upper_bound - b.weight) / b.total)::integer,
        ceil(2048 * b.upper_bound / b.total)::integer - 1
    ) as t (ticket);
end;
$function$;

comment on function zava.seed_type_picks(jsonb) is
    'Tickets 0 to 2047 of each month, shared out to the product types by popularity and season.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_type_picks(jsonb) from public;
