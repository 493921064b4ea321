-- zava.api_functions_of(): which functions of the schema api a role may call. For the service, which
-- shows each caller the tools of its own role; a call is judged again, by PostgreSQL itself.
create or replace function zava.api_functions_of(
    p_role name
)
returns table (function_id oid)
language sql
stable
parallel safe
security invoker
begin atomic
    select p.oid
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'api'
        and p.prokind = 'f'
        and not starts_with(p.proname::text, '_')
        and has_schema_privilege(p_role, n.oid, 'usage')
        and has_function_privilege(p_role, p.oid, 'execute');
end;

comment on function zava.api_functions_of(name) is
    'Functions of the schema api that a role may call.

p_role: the role';
revoke execute on function zava.api_functions_of(name) from public;
grant execute on function zava.api_functions_of(name) to zava_service;
