-- 0065 administrators.
set local lock_timeout = '3s';

-- Whoever may act as the owner may migrate: the table belongs to the administrator who migrated first.
grant select, insert, update, delete on table public.alembic_version to zava_owner;

-- The class roles are given their parts of the runner anew; a superuser needs no membership for that.
do $roles$
begin
    if not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
        execute format(
            'grant store_manager, regional_manager, head_office to %I with inherit false, set true',
            current_user
        );
    end if;
end
$roles$;

set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/security/_create_runner.sql
-- zava._create_runner(): makes the runner, one function for each class role, or makes it anew.
-- A function of the runner runs the text of an agent where no superuser hardened the database. It is
-- SECURITY DEFINER and belongs to the class role: inside, PostgreSQL itself refuses to change the
-- role, however deep in a string the text tries; STABLE refuses every statement but SELECT. The text
-- is what the session has had described before: one SELECT, with the columns of the caller's list.
-- Never a cursor: its rows would be made after the return, with the caller's rights. A function that
-- has another owner runs nothing: pg_restore leaves it to whoever restores, unless that is a superuser,
-- and that role may see all stores.
-- SECURITY INVOKER: needs a superuser, or the owner's member that may become the class roles.
create or replace function zava._create_runner()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_class name;
    v_function text;
begin
    foreach v_class in array array[
        zava._class_role('store'), zava._class_role('region'), zava._class_role('head')
    ]
    loop
        v_function := format('zava_run.%I(text)', v_class);
        execute format('drop function if exists %s', v_function);
        execute format(
            $create$
            create function zava_run.%I(p_query text)
            returns setof record
            language plpgsql
            stable
            parallel unsafe
            security definer
            set search_path = retail, public, pg_temp
            as $body$
            begin
                if current_user <> %L then
                    raise exception 'the runner does not belong to its class role'
                        using errcode = 'object_not_in_prerequisite_state',
                              hint = 'As the administrator: select zava._create_runner();';
                end if;
                return query execute p_query;
            end;
            $body$
            $create$,
            v_class, v_class
        );
        execute format(
            'comment on function %s is %L', v_function,
            format('Rows of a query, read as %s.', v_class) || e'\n\np_query: one SELECT'
        );
        execute format('revoke execute on function %s from public', v_function);
        execute format('grant execute on function %s to zava_runner', v_function);
        execute format('grant create on schema zava_run to %I', v_class);
        execute format('alter function %s owner to %I', v_function, v_class);
        execute format('revoke create on schema zava_run from %I', v_class);
    end loop;
end;
$function$;

comment on function zava._create_runner() is
    'Makes the functions of the runner, one for each class role, which owns it.';
revoke execute on function zava._create_runner() from public;

-- source: db/functions/security/_create_tenant_role.sql
-- zava._create_tenant_role(): the NOLOGIN role of one tenant scope, for zava.create_principal().
-- It inherits what its class may do but cannot become it; the gateway can become it but inherits
-- nothing. A role that is there already keeps its members, and nothing is granted twice: whoever made the
-- role alone could do that. SECURITY INVOKER: needs CREATEROLE.
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

-- source: db/functions/security/create_principal.sql
-- zava.create_principal(): registers who may ask and makes the role of its scope.
-- Run by the administrator, who needs CREATEROLE; SECURITY INVOKER for that reason. Principals of
-- the same store share a role; what tells them apart is the id in the signed context. Others do not.
create or replace function zava.create_principal(
    p_name text,
    p_kind text,
    p_stores text[] default '{}',
    p_principal_id uuid default gen_random_uuid()
)
returns name
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_class name := zava._class_role(p_kind);
    v_count integer := coalesce(cardinality(p_stores), 0);
    v_role text;
    v_missing text;
    v_other text;
begin
    -- One at a time: of two that need the same new role, both would find it missing.
    lock table zava.principals in share update exclusive mode;

    if p_name is null or p_name !~ '^[a-z][a-z0-9_-]{0,39}$' then
        raise exception 'invalid principal name: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use lower-case letters, digits, - and _, a letter first, 40 at most.';
    end if;

    if v_class is null then
        raise exception 'unknown kind of principal: %', coalesce(quote_literal(left(p_kind, 60)), 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use store, region or head.';
    end if;

    if v_count <> 1 and p_kind = 'store'
        or v_count < 1 and p_kind = 'region'
        or v_count > 0 and p_kind = 'head'
    then
        raise exception 'a principal of kind % cannot have % stores', p_kind, v_count
            using errcode = 'invalid_parameter_value',
                  hint = 'store: exactly one; region: one or more; head: none, it sees all.';
    end if;

    select string_agg(coalesce(k.store_key, 'null'), ', ' order by k.store_key)
    into v_missing
    from unnest(p_stores) as k (store_key)
    where not exists (select from retail.stores as s where s.store_key = k.store_key);

    if v_missing is not null then
        raise exception 'unknown store: %', v_missing
            using errcode = 'invalid_parameter_value',
                  hint = 'Use store keys, as in: select store_key from retail.stores. Whoever sees none '
                      'there needs zava_writer.';
    end if;

    if exists (select from zava.principals as p where p.name = p_name) then
        raise exception 'principal % exists already', p_name
            using errcode = 'unique_violation',
                  hint = 'Choose another name, or enable it again if it was disabled.';
    end if;

    v_role := case p_kind
        when 'store' then 'zava_store_' || p_stores[1]
        when 'region' then 'zava_region_' || replace(p_name, '-', '_')
        else 'zava_head_office'
    end;

    select min(p.name) into v_other
    from zava.principals as p
    where p.role_name = v_role
        and (
            p_kind = 'region'
            or exists (
                select
                from zava.principal_stores as o
                join retail.stores as s on s.store_id = o.store_id
                where o.principal_id = p.principal_id and s.store_key <> p_stores[1]
            )
        );

    if v_other is not null then
        raise exception 'role % is that of principal %, who sees other stores', v_role, v_other
            using errcode = 'unique_violation',
                  hint = 'Choose another name, in which more than - and _ differ; of a store, another store_key.';
    end if;

    perform zava._create_tenant_role(v_role, v_class);

    insert into zava.principals (principal_id, name, kind, role_name)
    values (p_principal_id, p_name, p_kind, v_role);

    insert into zava.principal_stores (principal_id, store_id)
    select p_principal_id, s.store_id
    from retail.stores as s
    where s.store_key = any (p_stores);

    return v_role;
end;
$function$;

comment on function zava.create_principal(text, text, text[], uuid) is
    'Registers a principal and makes the role of its scope; returns the role''s name.

p_name: its name, as used by --as and in keys
p_kind: store, region or head
p_stores: store keys; one for a store, several for a region, none for head office
p_principal_id: its id; a secret of its holder';
revoke execute on function zava.create_principal(text, text, text[], uuid) from public;

-- sources end
reset role;

select zava._create_runner();
