-- 0009 runner: the text of agents inside SECURITY DEFINER functions of the class roles, for servers
-- where nobody is superuser; hardening that can be undone. Run by the administrator.
set local lock_timeout = '3s';

do $roles$
begin
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'zava_runner') then
        create role zava_runner nologin noinherit;
        comment on role zava_runner is
            'May call the runner and name what stands in its schemas; reads nothing itself.';
    end if;
    grant zava_runner to zava_gateway with inherit false, set true;

    -- Each class role is given its part of the runner; a superuser needs no membership for that.
    if not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
        execute format(
            'grant store_manager, regional_manager, head_office to %I with inherit false, set true',
            current_user
        );
    end if;
end
$roles$;

create schema zava_run authorization zava_owner;

set local role zava_owner;

comment on schema zava_run is
    'The runner: one function a class role, which runs the text of agents with its rights.';
grant usage on schema zava_run, retail, api to zava_runner;

-- The context names a principal; so many of them may share a role.
create index principals_principal_id_text_idx on zava.principals ((principal_id::text));

-- sources begin (written by scripts/freeze up to the end mark)

drop function zava.harden();
drop function zava.hardening();

-- source: db/functions/security/_class_role.sql
-- zava._class_role(): the class role of a kind of principal; it holds the grants and is named in the
-- policies. The one place where the two are paired.
create or replace function zava._class_role(
    p_kind text
)
returns name
language sql
immutable
parallel safe
security invoker
begin atomic
    select case p_kind
        when 'store' then 'store_manager'::name
        when 'region' then 'regional_manager'
        when 'head' then 'head_office'
    end;
end;

comment on function zava._class_role(text) is
    'Class role of a kind of principal, or null.

p_kind: store, region or head';
revoke execute on function zava._class_role(text) from public;

-- source: db/functions/security/_create_runner.sql
-- zava._create_runner(): makes the runner, one function for each class role, or makes it anew.
-- A function of the runner runs the text of an agent where no superuser hardened the database. It is
-- SECURITY DEFINER and belongs to the class role: inside, PostgreSQL itself refuses to change the
-- role, however deep in a string the text tries; STABLE refuses every statement but SELECT. The text
-- is what the session has had described before: one SELECT, with the columns of the caller's list.
-- Never a cursor: its rows would be made after the return, with the caller's rights.
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
                return query execute p_query;
            end;
            $body$
            $create$,
            v_class
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

-- source: db/functions/security/create_principal.sql
-- zava.create_principal(): registers who may ask and makes the role of its scope.
-- Run by the administrator, who needs CREATEROLE; SECURITY INVOKER for that reason. Principals of
-- the same store share a role; what tells them apart is the id in the signed context.
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
begin
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
                  hint = 'Use store keys, as in: select store_key from retail.stores.';
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

-- source: db/functions/security/harden.sql
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

-- source: db/functions/security/hardening.sql
-- zava.hardening(): what a superuser should take from PUBLIC in this database, object by object: why,
-- how, how to undo it, and whether it is done. Made from the live catalogue, so that the functions of
-- a newer minor version are caught as well. pg_monitor, the owner and, for the one function that it
-- calls, the gateway keep what they need. What PostgreSQL never gave to PUBLIC is left alone.
-- `zava-sql doctor` runs this query on databases without zava_sql too: it names nothing of ours.
create or replace function zava.hardening()
returns table (object text, protects_from text, statement text, undo text, done boolean)
language sql
stable
parallel safe
security invoker
begin atomic
    with dangerous (pattern, protects_from) as (
        values
            ('set_config', 'changing the tenant context or the role inside a SELECT'),
            ('(query|cursor|table|schema|database)_to_xml(schema|_and_xmlschema)?', 'running SQL text hidden in a string'),
            ('ts_stat', 'running SQL text hidden in a string'),
            ('lo_.*|loread|lowrite', 'reading and writing large objects'),
            ('pg_notify|pg_listening_channels|pg_notification_queue_usage', 'messages to other sessions'),
            ('pg_logical_emit_message|pg_create_.*|pg_drop_.*|pg_replication_.*|pg_logical_slot.*|pg_sync_.*|binary_upgrade_logical_slot_has_caught_up', 'writing to the log and replication'),
            ('pg_advisory_.*|pg_try_advisory_.*', 'locks that outlive the transaction'),
            ('pg_sleep.*', 'holding a connection on purpose'),
            ('pg_cancel_backend|pg_terminate_backend', 'ending other sessions'),
            ('pg_prepared_statement|pg_prepared_xact|pg_cursor|pg_lock_status|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_isolation_test_session_is_blocked', 'reading the work of other sessions'),
            ('pg_stat_get_.*|pg_stat_reset.*|pg_clear_relation_stats|pg_restore_relation_stats|pg_(get_)?backend_memory_contexts', 'reading or changing statistics of all tenants'),
            ('pg_(relation|table|indexes|total_relation|database|tablespace)_size|pg_relation_file(node|path)|pg_sequence_last_value', 'sizes that tell the row counts of all tenants'),
            ('txid_.*|pg_export_snapshot|pg_current_(xact_id|xact_id_if_assigned|snapshot)|pg_last_committed_xact|pg_xact_commit_timestamp.*|pg_get_multixact_members', 'transaction counters that tell the activity of others'),
            ('pg_current_wal_.*|pg_available_wal_summaries|pg_last_(wal|xact)_.*|pg_control_.*|pg_get_replication_slots', 'log positions that tell the activity of others'),
            ('pg_show_all_settings|pg_config|pg_hba_file_rules|pg_tablespace_(location|databases)', 'reading the configuration of the server'),
            ('setseed', 'state left behind on a pooled connection')
    ),
    functions as (
        select
            p.oid,
            p.proowner,
            p.oid::regprocedure::text as signature,
            coalesce(p.proacl, acldefault('f', p.proowner)) as acl,
            coalesce(i.initprivs, acldefault('f', p.proowner)) as given,
            coalesce(d.protects_from, 'running SQL text hidden in a string') as protects_from
        from pg_catalog.pg_proc as p
        left join dangerous as d on p.proname ~ ('^(' || d.pattern || ')$')
        left join pg_catalog.pg_init_privs as i
            on i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0
        where p.pronamespace = 'pg_catalog'::regnamespace
            and p.prokind = 'f'
            and (d.pattern is not null or p.proname = 'ts_rewrite' and p.pronargs = 2)
    ),
    keepers as (
        select r.oid, quote_ident(r.rolname) as name
        from pg_catalog.pg_roles as r
        where r.rolname in ('zava_owner', 'pg_monitor')
    ),
    kept as (
        select string_agg(k.name, ', ' order by k.name) as names
        from keepers as k
    ),
    function_keepers as (
        select
            f.oid,
            concat_ws(', ', k.names, (
                select quote_ident(r.rolname)
                from pg_catalog.pg_roles as r
                where r.rolname = 'zava_gateway' and f.signature = 'pg_advisory_unlock_all()'
            )) as names
        from functions as f
        cross join kept as k
    ),
    relations as (
        select
            c.oid,
            c.oid::regclass::text as name,
            exists (
                select
                from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
                where a.grantee = 0
                    and a.privilege_type in ('SELECT', 'UPDATE')
            ) as is_public
        from pg_catalog.pg_class as c
        where c.oid in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_settings'::regclass)
    ),
    visible_columns as (
        select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as names
        from pg_catalog.pg_attribute as a
        where a.attrelid = 'pg_catalog.pg_class'::regclass
            and not a.attisdropped
            and a.attnum > 0
            and a.attname not in (
                'reltuples', 'relpages', 'relallvisible', 'relallfrozen', 'relfilenode',
                'relfrozenxid', 'relminmxid'
            )
    ),
    steps as (
        select
            1 as step,
            f.signature as object,
            f.protects_from,
            format(
                'revoke execute on function %1$s from public; grant execute on function %1$s to %2$s',
                f.signature, k.names
            ) as statement,
            format(
                'grant execute on function %1$s to public; revoke execute on function %1$s from %2$s',
                f.signature, k.names
            ) as undo,
            not exists (select from aclexplode(f.acl) as a where a.grantee = 0) as done
        from functions as f
        join function_keepers as k on k.oid = f.oid
        where exists (select from aclexplode(f.given) as a where a.grantee = 0)
        union all
        -- An earlier version of this script gave these away with the others.
        select
            2,
            f.signature,
            'rights that nobody but a superuser has in a new database',
            format('revoke execute on function %s from %s', f.signature, k.name),
            '',
            false
        from functions as f
        join keepers as k on exists (select from aclexplode(f.acl) as a where a.grantee = k.oid)
        where not exists (
            select from aclexplode(f.given) as a where a.grantee in (0, k.oid)
        )
        union all
        select
            3,
            r.name,
            'reading the configuration of the server',
            format(
                'revoke select, update on pg_catalog.pg_settings from public; grant select on pg_catalog.pg_settings to %s',
                k.names
            ),
            format(
                'grant select, update on pg_catalog.pg_settings to public; revoke select on pg_catalog.pg_settings from %s',
                k.names
            ),
            not r.is_public
        from relations as r
        cross join kept as k
        where r.oid = 'pg_catalog.pg_settings'::regclass
        union all
        select
            4,
            r.name,
            'estimates that tell the row counts of all tenants',
            format(
                'revoke select on pg_catalog.pg_class from public; grant select (%s) on pg_catalog.pg_class to public; grant select on pg_catalog.pg_class to %s',
                c.names, k.names
            ),
            format(
                'revoke select on pg_catalog.pg_class from public, %1$s; grant select on pg_catalog.pg_class to public',
                k.names
            ),
            not r.is_public
        from relations as r
        cross join kept as k
        cross join visible_columns as c
        where r.oid = 'pg_catalog.pg_class'::regclass
    )
    select s.object, s.protects_from, s.statement, s.undo, s.done
    from steps as s
    order by s.step, s.object;
end;

comment on function zava.hardening() is
    'Objects that harden this database when PUBLIC loses them, in order: what that protects from, the statements that do and undo it, and whether it is done. zava.harden() runs them.';
revoke execute on function zava.hardening() from public;

-- source: db/functions/security/verify_context.sql
-- zava.verify_context(): the principal of a valid signed context, else nulls.
-- Context: 1.<kid>.<principal id>.<role>.<backend pid, 0 = any>.<expiry, epoch>.<HMAC-SHA256, hex>
-- It never raises and never explains: a forged context looks like none. The role is an argument
-- since current_user is the owner in here; the policy passes its own current_user. It is the role of
-- the principal's scope or, in the runner, its class role; the context must name the same one. One
-- query, for every policy of every statement pays for it.
-- RESTRICTED: in a parallel worker pg_backend_pid() would be the worker's.
-- SECURITY DEFINER: callers have no access to keys and principals.
create or replace function zava.verify_context(
    p_role name,
    out principal_id uuid,
    out kind text,
    out stores uuid[]
)
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_context text := current_setting('zava.context', true);
    v_part text[] := string_to_array(v_context, '.');
    v_found record;
begin
    if octet_length(v_context) between 110 and 300
        and cardinality(v_part) = 7
        and v_part[1] = '1'
        and v_part[4] = p_role::text
        and v_part[5] in ('0', pg_backend_pid()::text)
    then
        -- Nothing of the context is cast before its signature is seen to be ours.
        select
            k.ipad,
            k.opad,
            p.principal_id,
            p.kind,
            array(
                select ps.store_id
                from zava.principal_stores as ps
                where ps.principal_id = p.principal_id
            ) as stores
        into v_found
        from zava.signing_keys as k
        cross join zava.principals as p
        where k.kid = v_part[2]
            and k.not_after > clock_timestamp()
            and p.principal_id::text = v_part[3]
            and p_role in (p.role_name, zava._class_role(p.kind))
            and p.active;

        -- Hashes of both sides are compared: the time taken says nothing about a matching prefix.
        -- They are equal only if the last part has 64 digits, so that the body is all before it.
        if sha256(convert_to(v_part[7], 'UTF8')) = sha256(convert_to(encode(
            sha256(v_found.opad || sha256(v_found.ipad || convert_to(left(v_context, -65), 'UTF8'))),
            'hex'
        ), 'UTF8')) then
            if v_part[6]::bigint > extract(epoch from clock_timestamp()) then
                principal_id := v_found.principal_id;
                kind := v_found.kind;
                stores := v_found.stores;
            end if;
        end if;
    end if;
end;
$function$;

comment on function zava.verify_context(name) is
    'Principal, kind and stores in the signed context of this transaction; nulls when anything about it is wrong.

p_role: role that the context must name';
revoke execute on function zava.verify_context(name) from public;

-- sources end
reset role;

select zava._create_runner();
