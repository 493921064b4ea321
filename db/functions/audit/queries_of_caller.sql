-- zava.queries_of_caller(): what the principal in the signed context has asked, for
-- api.my_queries(); nothing without a valid context. By its id, not by its scope: principals of one
-- store do not read each other's questions.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.queries_of_caller(
    p_role name,
    p_limit integer
)
returns setof zava.audit_log
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select l.*
    from zava.audit_log as l
    where l.principal_id = (select (zava.verify_context(p_role)).principal_id)
    order by l.recorded_at desc, l.number desc
    limit p_limit;
end;
$function$;

comment on function zava.queries_of_caller(name, integer) is
    'Records of the audit log about the caller of this transaction, newest first.

p_role: current_user of the function that asks
p_limit: records at most';
revoke execute on function zava.queries_of_caller(name, integer) from public;
grant execute on function zava.queries_of_caller(name, integer)
    to store_manager, regional_manager, head_office;
