-- zava.is_head_office(): true when the caller is head office; its fence asks it.
-- A function of its own, never an "or" in the tenants' fence, which would cost them the index.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.is_head_office(
    p_role name
)
returns boolean
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return coalesce((zava.verify_context(p_role)).kind = 'head', false);
end;
$function$;

comment on function zava.is_head_office(name) is
    'Whether the caller of this transaction is head office.

p_role: current_user of the policy that asks';
revoke execute on function zava.is_head_office(name) from public;
grant execute on function zava.is_head_office(name) to head_office;
