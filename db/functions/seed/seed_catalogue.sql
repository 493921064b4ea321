-- zava.seed_catalogue(): adds the categories, product types and products that are missing.
-- Rows that exist under the same name or article number stay as they are; returns the number of
-- products added.
create or replace function zava.seed_catalogue(
    p_catalogue jsonb
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_made_at constant timestamptz := '2020-07-01 00:00:00-07';
    v_added bigint;
begin
    insert into retail.categories (category_id, name, created_at, updated_at)
    select distinct zava.seed_uuid('category:' || t.category), t.category, v_made_at, v_made_at
    from zava.seed_types(p_catalogue) as t
    on conflict (name) do nothing;

    insert into retail.product_types (type_id, category_id, name, created_at, updated_at)
    select zava.seed_uuid('type:' || t.type), c.category_id, t.type, v_made_at, v_made_at
    from zava.seed_types(p_catalogue) as t
    join retail.categories as c on c.name = t.category
    on conflict (name) do nothing;

    insert into retail.products (
        product_id, sku, name, description, category_id, type_id, list_price, created_at, updated_at
    )
    select
        zava.seed_uuid('product:' || a.sku),
        a.sku,
        a.name,
        a.description,
        t.category_id,
        t.type_id,
        a.list_price,
        v_made_at,
        v_made_at
    from zava.seed_articles(p_catalogue) as a
    join retail.product_types as t on t.name = a.type
    on conflict (sku) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_catalogue(jsonb) is
    'Adds the missing products of a catalogue with their types and categories; returns how many.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_catalogue(jsonb) from public;
