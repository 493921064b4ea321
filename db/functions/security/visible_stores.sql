-- zava.visible_stores(): the stores of the caller; the fence of every tenant table asks it.
-- Empty, never null, when the context is not valid. Head office has no stores
-- of its own: it sees nothing through this fence.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.visible_stores(
    p_role name
)
returns uuid[]
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return coalesce((zava.verify_context(p_role)).stores, '{}');
end;
$function$;

comment on function zava.visible_stores(name) is
    'Ids of the stores that the caller of this transaction may see.

p_role: current_user of the policy that asks';
revoke execute on function zava.visible_stores(name) from public;
grant execute on function zava.visible_stores(name) to store_manager, regional_manager;
