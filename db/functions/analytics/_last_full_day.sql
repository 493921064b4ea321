-- api._last_full_day(): newest day of sales that is over in all stores that the caller sees. Not a tool.
-- A day of which half is missing looks like a bad one, and draws a forecast down.
create or replace function api._last_full_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select least(api._newest_day(), min((now() at time zone s.time_zone)::date) - 1)
    from retail.stores as s;
end;

comment on function api._last_full_day() is
    'Day of the newest sale or return that the caller sees, or the day before today where that one is not over in each store''s time zone.';
revoke execute on function api._last_full_day() from public;
grant execute on function api._last_full_day() to store_manager, regional_manager, head_office;
