-- zava.seed_partner_picks(): what is bought along with the first line of a basket.
-- Of 100 tickets the first 45 belong to the types that go with it; the rest draw freely.
create or replace function zava.seed_partner_picks(
    p_catalogue jsonb
)
returns table (type_no integer, ticket integer, partner_no integer)
language plpgsql
immutable
parallel safe
security invoker
rows 2500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select t.type_no, n.ticket, p.type_no
    from zava.seed_types(p_catalogue) as t
    cross join generate_series(0, 44) as n (ticket)
    join zava.seed_types(p_catalogue) as p
        on p.type = t.goes_with[1 + n.ticket % cardinality(t.goes_with)]
    where cardinality(t.goes_with) > 0;
end;
$function$;

comment on function zava.seed_partner_picks(jsonb) is
    'Tickets 0 to 44 of 100 by product type, shared out to the types that go with it.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_partner_picks(jsonb) from public;
