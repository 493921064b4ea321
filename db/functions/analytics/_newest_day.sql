-- api._newest_day(): day of the newest sale or return that the caller sees. Not a tool.
-- One probe of the index a store, not a maximum over all orders.
create or replace function api._newest_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select max(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n;
end;

comment on function api._newest_day() is
    'Day of the newest sale or return that the caller sees, in the time zone of its store. Null when there is none.';
revoke execute on function api._newest_day() from public;
grant execute on function api._newest_day() to store_manager, regional_manager, head_office;
