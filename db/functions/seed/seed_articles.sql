-- zava.seed_articles(): the products of a catalogue file as rows, ranked inside their type.
-- rank 1 is the type's best seller; sales fall off by Zipf's law along it.
create or replace function zava.seed_articles(
    p_catalogue jsonb
)
returns table (
    sku text,
    name text,
    description text,
    list_price numeric,
    category text,
    type_no integer,
    type text,
    article_key bigint,
    rank integer
)
language plpgsql
immutable
parallel safe
security invoker
rows 500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.document ->> 'sku',
        p.document ->> 'name',
        p.document ->> 'description',
        (p.document ->> 'price')::numeric,
        t.category,
        t.type_no,
        t.type,
        hashtextextended('product:' || (p.document ->> 'sku'), 0),
        row_number() over (
            partition by t.type_no
            order by (p.document ->> 'popularity')::numeric desc, p.position
        )::integer
    from zava.seed_types(p_catalogue) as t
    cross join lateral jsonb_array_elements(t.products) with ordinality as p (document, position);
end;
$function$;

comment on function zava.seed_articles(jsonb) is
    'The products of a catalogue, ranked by popularity inside their type.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_articles(jsonb) from public;
