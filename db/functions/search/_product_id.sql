-- api._product_id(): id of a product by its article number, in any case. Not a tool.
-- The catalogue is shared by all stores: that a product is in it tells nothing of any of them.
create or replace function api._product_id(
    p_sku text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Two may differ in case alone: then the one that is written so.
    v_product_id constant uuid := (
        select p.product_id
        from retail.products as p
        where upper(p.sku) = upper(btrim(p_sku))
        order by p.sku = btrim(p_sku) desc, p.sku
        limit 1
    );
begin
    if v_product_id is null then
        raise exception 'there is no product with article number %', coalesce(left(p_sku, 60), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'api.search_products() finds article numbers (sku).';
    end if;

    return v_product_id;
end;
$function$;

comment on function api._product_id(text) is
    'Id of a product; an error when no product has this article number.

p_sku: article number in any case, for example HT-HAM-001';
revoke execute on function api._product_id(text) from public;
grant execute on function api._product_id(text)
    to store_manager, regional_manager, head_office;
