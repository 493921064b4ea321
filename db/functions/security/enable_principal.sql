-- zava.enable_principal(): lets a disabled principal in again.
create or replace function zava.enable_principal(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.principals as p
    set active = true,
        updated_at = now()
    where p.name = p_name;

    if not found then
        raise exception 'unknown principal: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;
end;
$function$;

comment on function zava.enable_principal(text) is
    'Enables a principal that was disabled.

p_name: name of the principal';
revoke execute on function zava.enable_principal(text) from public;
