-- 0083 no member of tenants.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/security/_create_tenant_role.sql
-- zava._create_tenant_role(): the NOLOGIN role of one tenant scope, for zava.create_principal().
-- It inherits what its class may do but cannot become it; the gateway can become it but inherits
-- nothing. A role that is there already keeps its members, and nothing is granted twice: whoever made the
-- role alone could do that. Who makes it is no member, and so not held to the rows of a store.
-- SECURITY INVOKER: needs CREATEROLE.
create or replace function zava._create_tenant_role(
    p_role text,
    p_class text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set createrole_self_grant = ''
as $function$
begin
    if octet_length(p_role) > 63 then
        raise exception 'role name is longer than 63 bytes: %', p_role
            using errcode = 'name_too_long', hint = 'Choose a shorter store key or name.';
    end if;

    if not exists (select from pg_roles as r where r.rolname = p_role) then
        execute format('create role %I nologin inherit', p_role);
    end if;

    if not exists (
        select from pg_auth_members as m
        where m.roleid = p_class::regrole and m.member = p_role::regrole
            and m.inherit_option and not m.set_option
    ) then
        execute format('grant %I to %I with inherit true, set false', p_class, p_role);
    end if;

    if not exists (
        select from pg_auth_members as m
        where m.roleid = p_role::regrole and m.member = 'zava_gateway'::regrole
            and m.set_option and not m.inherit_option
    ) then
        execute format('grant %I to zava_gateway with inherit false, set true', p_role);
    end if;

    -- It has this from its class as well; a grant of its own ties the role to this database, so
    -- that it cannot be dropped from another one.
    execute format('grant usage on schema api to %I', p_role);
end;
$function$;

comment on function zava._create_tenant_role(text, text) is
    'Makes the role of one tenant scope, or completes it.

p_role: name of the role
p_class: class role whose grants it inherits';
revoke execute on function zava._create_tenant_role(text, text) from public;

-- sources end
reset role;
