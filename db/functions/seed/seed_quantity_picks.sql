-- zava.seed_quantity_picks(): how many pieces a line has, as 512 equal tickets a type.
-- One piece and then more with a fixed chance each (geometric), so that the mean is the
-- catalogue's pieces a line. Nobody buys more than 60 at once.
create or replace function zava.seed_quantity_picks(
    p_catalogue jsonb
)
returns table (type_no integer, ticket integer, quantity integer)
language plpgsql
immutable
parallel safe
security invoker
rows 28672
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with chances as (
        select t.type_no, round((t.units_per_line - 1) / t.units_per_line, 6) as more
        from zava.seed_types(p_catalogue) as t
    )
    select c.type_no, n.ticket, q.quantity
    from chances as c
    cross join generate_series(1, 60) as q (quantity)
    cross join lateral generate_series(
        ceil(512 * (1 - power(c.more, q.quantity - 1)))::integer,
        case q.quantity
            when 60 then 511
            else ceil(512 * (1 - power(c.more, q.quantity)))::integer - 1
        end
    ) as n (ticket);
end;
$function$;

comment on function zava.seed_quantity_picks(jsonb) is
    'Tickets 0 to 511 of each product type, shared out to numbers of pieces.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_quantity_picks(jsonb) from public;
