-- api.similar_products(): what the caller's stores sell that is like a product, by the nearness of
-- vectors; by the words of its name where it has no vector yet.
create or replace function api.similar_products(
    p_sku text,
    p_in_stock boolean default false,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    similarity numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_has_vector constant boolean := api._product_embedding(v_product_id) is not null;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with found as (
        select f.product_id, f.similarity, f.place
        from api._found_products(
            api._product_embedding(v_product_id),
            case
                when not v_has_vector then (
                    select p.name from retail.products as p where p.product_id = v_product_id
                )
            end,
            null, null, null, v_in_stock, p_limit + 1
        ) as f
    )
    select row_number() over (order by f.place), p.product_id, p.sku, p.name, c.name, o.price,
        o.stock_level, o.in_stock_at, round(f.similarity::numeric, 3),
        concat_ws(
            '; ',
            case
                when p.type_id = a.type_id then 'also in ' || t.name
                when p.category_id = a.category_id then t.name || ', also in ' || c.name
                else t.name || ' in ' || c.name
            end,
            case
                when o.price < b.price then format('%s USD cheaper', b.price - o.price)
                when o.price > b.price then format('%s USD dearer', o.price - b.price)
            end,
            case when not v_has_vector then 'found by words, it has no embedding yet' end
        )
    from found as f
    join retail.products as p on p.product_id = f.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.product_types as t on t.type_id = p.type_id
    join retail.products as a on a.product_id = v_product_id
    cross join lateral api._offer(v_product_id) as b
    cross join lateral api._offer(f.product_id) as o
    where p.product_id <> v_product_id
    order by f.place
    limit p_limit;
end;
$function$;

comment on function api.similar_products(text, boolean, integer) is
    'Products of your stores that are most like one, as substitutes. why: what they share and how the lowest prices compare. USD without tax.

p_sku: article number, for example HT-HAM-001
p_in_stock: only what is in stock
p_limit: 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;
