-- zava.find_principal(): a principal by name, for callers whose identity is fixed at start (the
-- command line, stdio). Disabled ones are told apart so that the error can say so.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.find_principal(
    p_name text
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
    where p.name = p_name;
end;

comment on function zava.find_principal(text) is
    'The principal of a name, or no row.

p_name: name of the principal';
revoke execute on function zava.find_principal(text) from public;
grant execute on function zava.find_principal(text) to zava_service;
