-- zava._callable_functions(): functions that the caller may call, with what a caller must know.
-- A name with a leading underscore is internal.
create or replace function zava._callable_functions()
returns table (function_name text, signature text, description text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        p.proname::text,
        format(
            '%I.%I(%s) returns %s',
            n.nspname,
            p.proname,
            pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid)
        ),
        coalesce(obj_description(p.oid, 'pg_proc'), '')
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'api'
        and p.prokind = 'f'
        and not starts_with(p.proname::text, '_')
        and has_schema_privilege(n.oid, 'usage')
        and has_function_privilege(p.oid, 'execute');
end;

comment on function zava._callable_functions() is
    'Functions of the schema api that the caller may call.';
revoke execute on function zava._callable_functions() from public;
grant execute on function zava._callable_functions()
    to store_manager, regional_manager, head_office;
