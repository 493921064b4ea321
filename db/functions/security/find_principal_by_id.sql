-- zava.find_principal_by_id(): a principal by its id, for requests of a trusted proxy, which has
-- authenticated the caller itself. Disabled ones are told apart so that the error can say so.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.find_principal_by_id(
    p_principal_id uuid
)
returns table (principal_id uuid, name text, kind text, role_name name, active boolean)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select p.principal_id, p.name, p.kind, p.role_name, p.active
    from zava.principals as p
    where p.principal_id = p_principal_id;
end;

comment on function zava.find_principal_by_id(uuid) is
    'The principal of an id, or no row.

p_principal_id: id of the principal';
revoke execute on function zava.find_principal_by_id(uuid) from public;
grant execute on function zava.find_principal_by_id(uuid) to zava_service;
