-- zava.seed_traffic(): pieces sold and returned in a store by product and day.
-- Counts every order of the store, also those that are not demo data; cancelled ones moved nothing.
create or replace function zava.seed_traffic(
    p_store_id uuid
)
returns table (product_id uuid, moved_on date, sold bigint, returned bigint)
language plpgsql
stable
parallel safe
security invoker
rows 50000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select i.product_id, (i.order_date at time zone s.time_zone)::date,
        sum(greatest(i.quantity, 0)), -sum(least(i.quantity, 0))
    from retail.orders as o
    join retail.order_items as i on i.store_id = o.store_id and i.order_id = o.order_id
    join retail.stores as s on s.store_id = o.store_id
    where o.store_id = p_store_id
        and o.status <> 'cancelled'
        and exists (
            select from retail.inventory as v
            where v.store_id = i.store_id and v.product_id = i.product_id
        )
    group by i.product_id, (i.order_date at time zone s.time_zone)::date;
end;
$function$;

comment on function zava.seed_traffic(uuid) is
    'Pieces sold and returned in a store by product and day of its time zone.

p_store_id: the store';
revoke execute on function zava.seed_traffic(uuid) from public;
