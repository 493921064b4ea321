-- zava.seed_returns(): adds the returns that are due for a store's sales; returns how many.
-- A return is an order of its own, 1 to 30 days after the sale, with negative lines that name the
-- lines they take back.
create or replace function zava.seed_returns(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date,
    p_until date
)
returns table (orders bigint, items bigint)
language plpgsql
volatile
parallel unsafe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with lines as materialized (
        select i.store_id, l.order_id, l.line_number, l.sale_id, l.sale_line, l.order_date,
            i.product_id, i.unit_price, i.unit_cost, i.discount_percent, -l.pieces as quantity,
            -round(i.discount_amount * l.pieces / i.quantity, 2) as discount_amount
        from zava.seed_return_lines(
            p_catalogue, p_store_key, p_scale, p_first, p_last, p_until
        ) as l
        join retail.stores as s on s.store_key = p_store_key
        join retail.order_items as i
            on i.store_id = s.store_id
            and i.order_id = l.sale_id
            and i.line_number = l.sale_line
    ),
    new_orders as (
        insert into retail.orders (
            store_id, order_id, customer_id, order_date, status, payment_method, return_of,
            total_amount, tax_amount, created_at, updated_at
        )
        select t.store_id, t.order_id, o.customer_id, t.order_date, 'return', o.payment_method,
            t.sale_id, t.total_amount, round(t.total_amount * s.tax_rate, 2), t.order_date,
            t.order_date
        from (
            select l.store_id, l.order_id, l.sale_id, l.order_date,
                sum(l.quantity * l.unit_price - l.discount_amount) as total_amount
            from lines as l
            group by l.store_id, l.order_id, l.sale_id, l.order_date
        ) as t
        join retail.stores as s on s.store_id = t.store_id
        join retail.orders as o on o.store_id = t.store_id and o.order_id = t.sale_id
        returning 1
    ),
    new_items as (
        insert into retail.order_items (
            store_id, order_id, line_number, product_id, order_date, quantity, unit_price,
            unit_cost, discount_percent, discount_amount, total_amount, return_of_order_id,
            return_of_line_number, created_at, updated_at
        )
        select l.store_id, l.order_id, l.line_number, l.product_id, l.order_date, l.quantity,
            l.unit_price, l.unit_cost, l.discount_percent, l.discount_amount,
            l.quantity * l.unit_price - l.discount_amount, l.sale_id, l.sale_line,
            l.order_date, l.order_date
        from lines as l
        returning 1
    )
    select (select count(*) from new_orders), (select count(*) from new_items);
end;
$function$;

comment on function zava.seed_returns(jsonb, text, bigint, date, date, date) is
    'Adds the missing returns of a store of the demo data; returns how many orders and lines.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day of the sales
p_last: last day of the sales
p_until: last day of the data; what comes back later is left out';
revoke execute on function zava.seed_returns(jsonb, text, bigint, date, date, date) from public;
