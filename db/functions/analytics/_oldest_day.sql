-- api._oldest_day(): day of the first sale of these stores. Not a tool.
-- One probe of the index a store, like api._newest_day(). With one plan: reports that have their own
-- statements planned for the values at hand would have this planned anew each time.
create or replace function api._oldest_day(
    p_stores uuid[]
)
returns date
language sql
stable
parallel restricted
security invoker
set plan_cache_mode = force_generic_plan
begin atomic
    select min(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date
        limit 1
    ) as n
    where p_stores is null or s.store_id = any (p_stores);
end;

comment on function api._oldest_day(uuid[]) is
    'Day of the first sale of some stores, in the time zone of its store. Null when there is none.

p_stores: ids of the stores; null for all that the caller sees';
revoke execute on function api._oldest_day(uuid[]) from public;
grant execute on function api._oldest_day(uuid[]) to store_manager, regional_manager, head_office;
