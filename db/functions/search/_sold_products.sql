-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are looked at one by one, which finds all and is fast;
-- for many there are the indexes.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_found uuid[];
begin
    -- Most searches have no filter: their plan can be kept.
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false) then
        v_found := array(select i.product_id from retail.inventory as i limit p_most + 1);
    else
        execute format(
            'select array(select i.product_id from %s limit %s)',
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock),
            p_most + 1
        )
        into v_found;
    end if;
    if cardinality(v_found) > p_most then
        return null;
    end if;

    -- Several stores sell the same.
    return array(select distinct u.product_id from unnest(v_found) as u (product_id));
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many rows of inventory are few';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;
