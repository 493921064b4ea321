-- api._require_range(): refuses a number that is null or out of its range. Not a tool.
create or replace function api._require_range(
    p_name text,
    p_value numeric,
    p_low numeric,
    p_high numeric
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or not (p_value between p_low and p_high) then
        raise exception '% out of range: %', p_name, coalesce(left(p_value::text, 60), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = format('Use a number from %s to %s.', p_low, p_high);
    end if;
end;
$function$;

comment on function api._require_range(text, numeric, numeric, numeric) is
    'Raises an error that tells the range unless a number lies in it.

p_name: parameter that the error names
p_value: its value
p_low: smallest value allowed
p_high: largest value allowed';
revoke execute on function api._require_range(text, numeric, numeric, numeric) from public;
grant execute on function api._require_range(text, numeric, numeric, numeric)
    to store_manager, regional_manager, head_office;
