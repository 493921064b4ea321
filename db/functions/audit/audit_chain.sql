-- zava.audit_chain(): which log this is, so that a server never sends it the records of another
-- database.
-- SECURITY DEFINER: the service login has no access to the table.
create or replace function zava.audit_chain()
returns uuid
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select h.chain_id from zava.audit_head as h;
end;

comment on function zava.audit_chain() is
    'Id of the audit log of this database.';
revoke execute on function zava.audit_chain() from public;
grant execute on function zava.audit_chain() to zava_service;
