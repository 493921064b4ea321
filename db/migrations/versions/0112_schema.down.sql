-- 0112 schema, undone: everything of zava_sql leaves this database, extensions aside. Roles leave
-- the cluster too, but for those that another database still needs.
set local lock_timeout = '3s';

drop schema api cascade;
drop schema retail cascade;
drop schema zava cascade;

revoke select, insert, update, delete on table public.alembic_version from zava_owner;
revoke select on table public.alembic_version from zava_service;
alter default privileges for role zava_owner grant execute on functions to public;

do $roles$
declare
    v_role text;
begin
    execute format(
        'revoke all on database %I from zava_gateway, zava_service', current_database()
    );
    execute format('grant connect, temporary on database %I to public', current_database());

    -- What hardening granted on built-in objects, which only a superuser can have done.
    if (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
        revoke execute on all functions in schema pg_catalog from zava_owner, zava_gateway;
        revoke select on pg_catalog.pg_class, pg_catalog.pg_settings from zava_owner;
    end if;

    for v_role in
        select r.rolname
        from pg_catalog.pg_roles as r
        where r.rolname in (
            'zava_owner', 'zava_writer', 'zava_gateway', 'zava_service', 'zava_runner',
            'store_manager', 'regional_manager', 'head_office'
        )
        or r.rolname ~ '^zava_((store|region)_[a-z0-9_]+|head_office)$'
    loop
        begin
            execute format('drop role %I', v_role);
        exception
            when dependent_objects_still_exist then
                raise notice 'role % stays: another database needs it', v_role;
        end;
    end loop;
end
$roles$;
