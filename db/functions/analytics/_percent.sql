-- api._percent(): a part in percent of the whole. Not a tool.
create or replace function api._percent(
    p_part numeric,
    p_whole numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select round(100 * p_part / nullif(greatest(p_whole, 0), 0), 2);
end;

comment on function api._percent(numeric, numeric) is
    'A part in percent of the whole, with two decimals; null unless the whole is above zero.

p_part: the part
p_whole: the whole';
revoke execute on function api._percent(numeric, numeric) from public;
grant execute on function api._percent(numeric, numeric)
    to store_manager, regional_manager, head_office;
