-- api._require_choice(): refuses a word that is not one of a few. Not a tool.
create or replace function api._require_choice(
    p_name text,
    p_value text,
    p_choices text[]
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or p_value <> all (p_choices) then
        raise exception '% is not a choice of %', coalesce(left(p_value, 60), 'null'), p_name
            using errcode = 'invalid_parameter_value',
                  hint = format('Use one of: %s.', array_to_string(p_choices, ', '));
    end if;
end;
$function$;

comment on function api._require_choice(text, text, text[]) is
    'Raises an error that lists the choices unless a word is one of them.

p_name: parameter that the error names
p_value: its value
p_choices: the words allowed';
revoke execute on function api._require_choice(text, text, text[]) from public;
grant execute on function api._require_choice(text, text, text[])
    to store_manager, regional_manager, head_office;
