-- zava.seed_assortment(): the products that a store stocks, with price and purchase cost of a year.
-- The two best sellers of a type are everywhere; of the others a small store has a part only.
create or replace function zava.seed_assortment(
    p_catalogue jsonb,
    p_store_key text,
    p_year integer
)
returns table (
    product_id uuid,
    type_no integer,
    rank integer,
    article_key bigint,
    price numeric,
    unit_cost numeric
)
language plpgsql
stable
parallel safe
security invoker
rows 500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.product_id,
        a.type_no,
        a.rank,
        a.article_key,
        f.price,
        -- cost is about 67 % of the price, a little more or less by product
        round(f.price * (0.63 + 0.01 * zava.seed_number(a.article_key, 1, 9)), 2)
    from zava.seed_articles(p_catalogue) as a
    cross join zava.seed_shops() as s
    cross join lateral (
        select zava.seed_price(a.list_price, s.price_level, p_year) as price
    ) as f
    join retail.products as p on p.sku = a.sku
    where s.store_key = p_store_key
        and (
            a.rank <= 2
            or zava.seed_number(zava.seed_key(s.shop_key, a.article_key), 1, 100)
                < s.assortment_percent
        );
end;
$function$;

comment on function zava.seed_assortment(jsonb, text, integer) is
    'The products that a store of the demo data stocks, with price and cost in USD.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_year: calendar year of the price';
revoke execute on function zava.seed_assortment(jsonb, text, integer) from public;
