-- zava.identify(): name and kind of the caller, for api.whoami(); no row without a valid context.
-- The id stays inside: it is a secret of its holder.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.identify(
    p_role name
)
returns table (principal text, kind text)
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select p.name, p.kind
    from zava.principals as p
    where p.principal_id = (zava.verify_context(p_role)).principal_id;
end;
$function$;

comment on function zava.identify(name) is
    'Name and kind of the caller of this transaction.

p_role: current_user of the function that asks';
revoke execute on function zava.identify(name) from public;
grant execute on function zava.identify(name) to store_manager, regional_manager, head_office;
