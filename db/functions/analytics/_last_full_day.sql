-- api._last_full_day(): newest day of sales that is over in all stores that the caller sees. Not a tool.
-- A day of which half is missing looks like a bad one, and draws a forecast down. Looks for the newest
-- sale as api._newest_day() does, whose stores would be read once more, for one more check of the context.
create or replace function api._last_full_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select least(max(n.day), min((now() at time zone s.time_zone)::date) - 1)
    from retail.stores as s
    left join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n on true;
end;

comment on function api._last_full_day() is
    'Day of the newest sale or return that the caller sees, or the day before today where that one is not over in each store''s time zone.';
revoke execute on function api._last_full_day() from public;
grant execute on function api._last_full_day() to store_manager, regional_manager, head_office;
