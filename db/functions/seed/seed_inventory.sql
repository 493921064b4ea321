-- zava.seed_inventory(): adds the products that a store stocks; returns how many.
-- Stock, reorder level and the price of a later year come from seed_stock().
create or replace function zava.seed_inventory(
    p_catalogue jsonb,
    p_store_key text,
    p_until date
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint;
begin
    insert into retail.inventory (
        store_id, product_id, price, unit_cost, lead_time_days, created_at, updated_at
    )
    select
        s.store_id,
        a.product_id,
        a.price,
        a.unit_cost,
        -- a supplier delivers a type of product
        3 + zava.seed_number(a.type_no, 1, 15) + zava.seed_number(a.article_key, 3, 4),
        timestamptz '2020-07-01 00:00:00-07',
        timestamptz '2020-07-01 00:00:00-07'
    from zava.seed_assortment(p_catalogue, p_store_key, extract(year from p_until)::integer) as a
    join retail.stores as s on s.store_key = p_store_key
    on conflict (store_id, product_id) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_inventory(jsonb, text, date) is
    'Adds the products that a store of the demo data stocks and does not have yet; returns how many.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_until: last day of the data, which decides the price';
revoke execute on function zava.seed_inventory(jsonb, text, date) from public;
