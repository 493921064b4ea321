-- zava.seed_product_picks(): the products of a store's types as 512 equal tickets a type.
-- Zipf's law with exponent 0.8 along the rank; numeric power() is exact everywhere.
create or replace function zava.seed_product_picks(
    p_catalogue jsonb,
    p_store_key text
)
returns table (type_no integer, ticket integer, product_id uuid)
language plpgsql
stable
parallel safe
security invoker
rows 28672
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with weights as (
        select a.type_no, a.rank, a.product_id,
            round(1000000 * power(a.rank::numeric, -0.8))::bigint as weight
        from zava.seed_assortment(p_catalogue, p_store_key, 2026) as a
    ),
    bounds as (
        select w.type_no, w.product_id, w.weight,
            sum(w.weight) over (partition by w.type_no order by w.rank) as upper_bound,
            sum(w.weight) over (partition by w.type_no) as total
        from weights as w
    )
    select b.type_no, t.ticket, b.product_id
    from bounds as b
    cross join lateral generate_series(
        ceil(512 * (b.upper_bound - b.weight) / b.total)::integer,
        ceil(512 * b.upper_bound / b.total)::integer - 1
    ) as t (ticket);
end;
$function$;

comment on function zava.seed_product_picks(jsonb, text) is
    'Tickets 0 to 511 of each product type, shared out to the products that a store stocks.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store';
revoke execute on function zava.seed_product_picks(jsonb, text) from public;
