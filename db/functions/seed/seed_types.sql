-- zava.seed_types(): the product types of a catalogue file as rows, with what drives demand.
-- The catalogue's order numbers them.
create or replace function zava.seed_types(
    p_catalogue jsonb
)
returns table (
    type_no integer,
    category text,
    type text,
    popularity numeric,
    units_per_line numeric,
    month_index numeric[],
    goes_with text[],
    products jsonb
)
language plpgsql
immutable
parallel safe
security invoker
rows 60
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        row_number() over (order by c.position, t.position)::integer,
        c.document ->> 'category',
        t.document ->> 'type',
        (t.document ->> 'popularity')::numeric,
        (t.document ->> 'units_per_line')::numeric,
        array(
            select m.value::numeric
            from jsonb_array_elements_text(c.document -> 'month_index')
                with ordinality as m (value, position)
            order by m.position
        ),
        array(
            select g.value
            from jsonb_array_elements_text(t.document -> 'goes_with')
                with ordinality as g (value, position)
            order by g.position
        ),
        t.document -> 'products'
    from jsonb_array_elements(p_catalogue) with ordinality as c (document, position)
    cross join lateral jsonb_array_elements(c.document -> 'types')
        with ordinality as t (document, position)
    order by 1;
end;
$function$;

comment on function zava.seed_types(jsonb) is
    'The product types of a catalogue with popularity, pieces a line and demand by month.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_types(jsonb) from public;
