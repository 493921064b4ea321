-- zava.seed_basket_types(): the product type of every line of a store's missing orders.
-- A basket has one line and then more with a fixed chance each, twelve at most. The first line
-- follows the season; the others go with the first one, or follow the season as well.
create or replace function zava.seed_basket_types(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, line integer, line_key bigint, year integer, type_no integer)
language plpgsql
stable
parallel safe
security invoker
rows 25000
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_steps constant integer[] := array(
        select round(1000000 * (1 - power(1 - round(1 / s.mean_lines, 6), n.number)))::integer
        from zava.seed_shops() as s
        cross join generate_series(1, 11) as n (number)
        where s.store_key = p_store_key
        order by n.number
    );
begin
    return query
    with type_picks as materialized (
        select t.month, t.ticket, t.type_no from zava.seed_type_picks(p_catalogue) as t
    ),
    orders as materialized (
        select k.order_id, k.order_key, t.month, t.type_no,
            extract(year from k.day)::integer as year,
            1 + width_bucket(zava.seed_number(k.order_key, 10, 1000000), v_steps) as lines
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join type_picks as t
            on t.month = extract(month from k.day)::integer
            and t.ticket = zava.seed_number(k.order_key, 11, 2048)
    ),
    lines as materialized (
        select o.order_id, o.month, o.year, o.type_no as first_type_no, n.line,
            zava.seed_key(o.order_key, n.line) as line_key
        from orders as o
        cross join lateral generate_series(1, o.lines) as n (line)
    )
    select l.order_id, l.line, l.line_key, l.year,
        case l.line when 1 then l.first_type_no else coalesce(p.partner_no, t.type_no) end
    from lines as l
    join type_picks as t
        on t.month = l.month and t.ticket = zava.seed_number(l.line_key, 1, 2048)
    left join zava.seed_partner_picks(p_catalogue) as p
        on p.type_no = l.first_type_no and p.ticket = zava.seed_number(l.line_key, 2, 100);
end;
$function$;

comment on function zava.seed_basket_types(jsonb, text, bigint, date, date) is
    'Lines of the orders of the demo data that a store does not have yet, without the products.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_basket_types(jsonb, text, bigint, date, date) from public;
