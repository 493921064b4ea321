-- zava.seed_orders(): adds the sales orders that a store lacks on some days; returns how many.
-- Orders and lines go in by one statement: the lines give the order its total.
create or replace function zava.seed_orders(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
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
        select l.order_id, l.line_number, l.product_id, l.quantity, l.unit_price, l.unit_cost,
            l.discount_percent, l.discount_amount,
            l.quantity * l.unit_price - l.discount_amount as total_amount
        from zava.seed_order_lines(p_catalogue, p_store_key, p_scale, p_first, p_last) as l
    ),
    heads as materialized (
        select t.store_id, t.tax_rate, k.order_id, b.customer_id, k.is_cancelled,
            zava.seed_order_moment(k.order_key, 20, k.day, s.is_online) as order_date,
            -- invoices need a customer, cash needs a counter
            case
                when zava.seed_number(k.order_key, 22, 100) < 6 then 'gift_card'
                when zava.seed_number(k.order_key, 22, 100) < 10 and b.customer_id is not null
                    then 'invoice'
                when not s.is_online and zava.seed_number(k.order_key, 22, 100)
                    < case when b.customer_id is null then 55 else 22 end then 'cash'
                else 'card'
            end as payment_method
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join zava.seed_shops() as s on s.store_key = p_store_key
        join retail.stores as t on t.store_key = p_store_key
        left join zava.seed_buyers(p_catalogue, p_store_key, p_scale, p_first, p_last) as b
            on b.order_id = k.order_id
    ),
    new_orders as (
        insert into retail.orders (
            store_id, order_id, customer_id, order_date, status, payment_method, total_amount,
            tax_amount, created_at, updated_at
        )
        select h.store_id, h.order_id, h.customer_id, h.order_date,
            case when h.is_cancelled then 'cancelled' else 'completed' end, h.payment_method,
            t.total_amount, round(t.total_amount * h.tax_rate, 2), h.order_date, h.order_date
        from heads as h
        join (
            select l.order_id, sum(l.total_amount) as total_amount
            from lines as l
            group by l.order_id
        ) as t on t.order_id = h.order_id
        returning 1
    ),
    new_items as (
        insert into retail.order_items (
            store_id, order_id, line_number, product_id, order_date, quantity, unit_price,
            unit_cost, discount_percent, discount_amount, total_amount, created_at, updated_at
        )
        select h.store_id, l.order_id, l.line_number, l.product_id, h.order_date, l.quantity,
            l.unit_price, l.unit_cost, l.discount_percent, l.discount_amount, l.total_amount,
            h.order_date, h.order_date
        from lines as l
        join heads as h on h.order_id = l.order_id
        returning 1
    )
    select (select count(*) from new_orders), (select count(*) from new_items);
end;
$function$;

comment on function zava.seed_orders(jsonb, text, bigint, date, date) is
    'Adds the missing sales orders of a store of the demo data; returns how many orders and lines.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_orders(jsonb, text, bigint, date, date) from public;
