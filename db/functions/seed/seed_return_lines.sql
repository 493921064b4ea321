-- zava.seed_return_lines(): the returned lines that are due for a store's sales and still missing.
-- Whether an order comes back hangs on the order alone, so a later last day adds returns and
-- changes none. One line of such an order is sure to come back, each other one now and then.
create or replace function zava.seed_return_lines(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date,
    p_until date
)
returns table (
    order_id uuid,
    line_number integer,
    sale_id uuid,
    sale_line integer,
    order_date timestamptz,
    pieces integer
)
language plpgsql
stable
parallel safe
security invoker
rows 3000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with due as materialized (
        select t.store_id, k.order_id as sale_id, k.order_key,
            zava.seed_uuid('return:' || k.order_id) as order_id,
            zava.seed_order_moment(
                k.order_key, 32, k.day + 1 + zava.seed_number(k.order_key, 31, 30), t.is_online
            ) as order_date
        from zava.seed_order_keys(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join retail.stores as t on t.store_key = p_store_key
        where not k.is_cancelled
            and zava.seed_number(k.order_key, 30, 1000) < case when t.is_online then 118 else 78 end
            and k.day + 1 + zava.seed_number(k.order_key, 31, 30) <= p_until
    ),
    sold as materialized (
        select d.order_id, d.sale_id, d.order_date, i.line_number, i.quantity,
            zava.seed_key(d.order_key, 1000 + i.line_number) as line_key,
            1 + zava.seed_number(
                d.order_key, 34, count(*) over (partition by d.order_id)::integer
            ) as sure_line
        from due as d
        join retail.order_items as i on i.store_id = d.store_id and i.order_id = d.sale_id
        where not exists (
            select from retail.orders as o where o.store_id = d.store_id and o.order_id = d.order_id
        )
    )
    select s.order_id,
        row_number() over (partition by s.order_id order by s.line_number)::integer,
        s.sale_id, s.line_number, s.order_date,
        case
            when zava.seed_number(s.line_key, 2, 100) < 70 then s.quantity
            else 1 + zava.seed_number(s.line_key, 3, s.quantity)
        end
    from sold as s
    where s.line_number = s.sure_line or zava.seed_number(s.line_key, 1, 100) < 20;
end;
$function$;

comment on function zava.seed_return_lines(jsonb, text, bigint, date, date, date) is
    'Lines that come back from a store''s sales of the demo data and are not there yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day of the sales
p_last: last day of the sales
p_until: last day of the data; what comes back later is left out';
revoke execute on function zava.seed_return_lines(jsonb, text, bigint, date, date, date)
    from public;
