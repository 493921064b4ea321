-- zava.harden(): runs what zava.hardening() lists and is not done, or takes back what is. For a
-- superuser: to anybody else PostgreSQL answers such a REVOKE with a warning and does nothing.
create or replace function zava.harden(
    p_undo boolean default false
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_statement text;
    v_count integer := 0;
begin
    if not (select r.rolsuper from pg_roles as r where r.rolname = current_user) then
        raise exception 'only a superuser can harden a database'
            using errcode = 'insufficient_privilege',
                  hint = 'Connect as a superuser, or give zava-sql harden --print to one.';
    end if;

    for v_statement in
        select case when p_undo then h.undo else h.statement end
        from zava.hardening() as h
        where h.done = p_undo
    loop
        execute v_statement;
        v_count := v_count + 1;
    end loop;

    return v_count;
end;
$function$;

comment on function zava.harden(boolean) is
    'Hardens this database; returns the number of objects that were changed. Can be run again.

p_undo: true takes it all back';
revoke execute on function zava.harden(boolean) from public;
