-- 0081 category of few.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_sold_products.sql
-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are compared one by one, which finds all; for many there is
-- the index.
-- Store by store: what several stores sell counts once, and one large store settles it. With a category
-- product by product instead: fewer than any store sells, and each is looked up once for all stores; unless
-- the stores sold no more than that when they were counted.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer default null
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Most searches have no filter: their plan can be kept.
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_few constant integer := (select f.products from api._few() as f);
    v_most constant integer := coalesce(p_most, v_few);
    v_store_id uuid;
    v_more uuid[];
    v_found uuid[] := '{}';
begin
    if p_category_id is not null
        and ((select sum(s.products) from retail.search_stores as s) <= 2 * v_few) is not true
    then
        execute format(
            'select array(
                select p.product_id
                from retail.products as p
                where p.category_id = $1
                    and (select true from %s and i.product_id = p.product_id limit 1)
                limit $2
            )',
            api._sold_where(null, p_min_price, p_max_price, p_in_stock)
        )
        into v_found
        using p_category_id, v_most + 1;
        if cardinality(v_found) > v_most then
            return null;
        end if;
        return v_found;
    end if;

    for v_store_id in select s.store_id from retail.stores as s order by s.store_id loop
        if v_all then
            v_more := array(
                select i.product_id
                from retail.inventory as i
                where i.store_id = v_store_id
                limit v_most + 1
            );
        else
            execute format(
                'select array(select i.product_id from %s and i.store_id = $1 limit $2)',
                api._sold_where(null, p_min_price, p_max_price, p_in_stock)
            )
            into v_more
            using v_store_id, v_most + 1;
        end if;

        if v_found = '{}' then
            v_found := v_more;
        else
            v_found := array(
                select u.product_id from unnest(v_found || v_more) as u (product_id)
                group by u.product_id
            );
        end if;
        if cardinality(v_found) > v_most then
            return null;
        end if;
    end loop;
    if p_category_id is not null then
        v_found := array(
            select p.product_id
            from unnest(v_found) as u (product_id)
            join retail.products as p on p.product_id = u.product_id
            where p.category_id = p_category_id
        );
    end if;
    return v_found;
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many are few; null for what api._few() says';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
