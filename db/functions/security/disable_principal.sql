-- zava.disable_principal(): shuts a principal out at once, in running transactions too.
-- Its role stays, for others may share it, and its keys, for they may be wanted in the audit.
create or replace function zava.disable_principal(
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
    set active = false,
        updated_at = now()
    where p.name = p_name;

    if not found then
        raise exception 'unknown principal: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;
end;
$function$;

comment on function zava.disable_principal(text) is
    'Disables a principal: its keys and its unexpired contexts show nothing from now on.

p_name: name of the principal';
revoke execute on function zava.disable_principal(text) from public;
