-- api._growth(): change in percent of the earlier value. Not a tool.
create or replace function api._growth(
    p_now numeric,
    p_before numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select case when p_before > 0 then round(100 * (p_now - p_before) / p_before, 2) end;
end;

comment on function api._growth(numeric, numeric) is
    'Change from an earlier value to a later one in percent of the earlier; null unless that is above zero.

p_now: the later value
p_before: the earlier value';
revoke execute on function api._growth(numeric, numeric) from public;
grant execute on function api._growth(numeric, numeric)
    to store_manager, regional_manager, head_office;
