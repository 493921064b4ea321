-- zava.seed_missing_orders(): the orders of a store's days that the database does not hold yet.
-- Numbers of days are few beside the orders, so asking again costs little: a repeated or
-- smaller load finds nothing here and writes nothing.
create or replace function zava.seed_missing_orders(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, order_key bigint, day date, born_at bigint, is_cancelled boolean)
language plpgsql
stable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select k.order_id, k.order_key, k.day, k.born_at, k.is_cancelled
    from zava.seed_order_keys(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
    where not exists (
        select
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        where s.store_key = p_store_key and o.order_id = k.order_id
    );
end;
$function$;

comment on function zava.seed_missing_orders(jsonb, text, bigint, date, date) is
    'Sales orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_missing_orders(jsonb, text, bigint, date, date) from public;
