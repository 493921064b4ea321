-- zava.seed_order_lines(): the lines of a store's missing orders with product, price and discount.
-- A product comes once in a basket: a second line with it is dropped and the others close up.
create or replace function zava.seed_order_lines(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (
    order_id uuid,
    line_number integer,
    product_id uuid,
    quantity integer,
    unit_price numeric,
    unit_cost numeric,
    discount_percent numeric,
    discount_amount numeric
)
language plpgsql
stable
parallel safe
security invoker
rows 25000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with prices as materialized (
        select y.year, a.product_id, a.price, a.unit_cost
        from generate_series(
            extract(year from p_first)::integer, extract(year from p_last)::integer
        ) as y (year)
        cross join lateral zava.seed_assortment(p_catalogue, p_store_key, y.year) as a
    ),
    lines as materialized (
        select distinct on (b.order_id, p.product_id)
            b.order_id, p.product_id, b.line, b.line_key, b.year, b.type_no
        from zava.seed_basket_types(p_catalogue, p_store_key, p_scale, p_first, p_last) as b
        join zava.seed_product_picks(p_catalogue, p_store_key) as p
            on p.type_no = b.type_no and p.ticket = zava.seed_number(b.line_key, 3, 512)
        order by b.order_id, p.product_id, b.line
    ),
    priced as (
        select l.order_id, l.line, l.product_id, q.quantity, r.price, r.unit_cost,
            case
                when zava.seed_number(l.line_key, 4, 100) < 15
                    then 5 + 5 * zava.seed_number(l.line_key, 5, 4)
                else 0
            end as discount_percent
        from lines as l
        join zava.seed_quantity_picks(p_catalogue) as q
            on q.type_no = l.type_no and q.ticket = zava.seed_number(l.line_key, 6, 512)
        join prices as r on r.product_id = l.product_id and r.year = l.year
    )
    select p.order_id,
        row_number() over (partition by p.order_id order by p.line)::integer,
        p.product_id, p.quantity, p.price, p.unit_cost, p.discount_percent::numeric,
        round(p.quantity * p.price * p.discount_percent / 100, 2)
    from priced as p;
end;
$function$;

comment on function zava.seed_order_lines(jsonb, text, bigint, date, date) is
    'Lines of the orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_order_lines(jsonb, text, bigint, date, date) from public;
