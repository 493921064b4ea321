-- 0113 functions: all functions and policies. Run by the administrator, like 0112.
set local lock_timeout = '3s';

create schema zava_run authorization zava_owner;

set local role zava_owner;

comment on schema zava_run is
    'The runner: one function a class role, which runs the text of agents with its rights.';
grant usage on schema zava_run to zava_runner;

-- PostgreSQL lets a function set hnsw.* only once the extension's library is loaded, which the first
-- vector of a session does; and the extension's types must be found by their names alone.
do $vectors$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    execute format('set local search_path = public, %I', v_schema);
    execute format('select %L::%I.vector', '[1]', v_schema);
end
$vectors$;

-- sources begin (written by scripts/freeze up to the end mark)

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

-- source: db/functions/security/_role_version.sql
-- zava._role_version(): a text that is another one as soon as anything changes of what a role may
-- do, by itself or through the roles that it is a member of. For zava.access_version().
-- Attributes count too: whoever had BYPASSRLS by mistake was shown the rows of others.
create or replace function zava._role_version(
    p_role_name text
)
returns text
language sql
stable
parallel safe
begin atomic
    with recursive held as (
        select r.oid, '' as how
        from pg_catalog.pg_roles as r
        where r.rolname = p_role_name
        union
        select m.roleid, concat_ws('/', m.oid, m.xmin)
        from held as h
        join pg_catalog.pg_auth_members as m on m.member = h.oid
    )
    select sum(hashtextextended(
        concat_ws('/', h.oid, h.how, r.rolsuper, r.rolbypassrls, r.rolinherit), 0
    ))::text
    from held as h
    join pg_catalog.pg_roles as r on r.oid = h.oid;
end;

comment on function zava._role_version(text) is
    'Fingerprint of what a role may do by itself and through the roles that it is a member of.

p_role_name: name of the role';
revoke execute on function zava._role_version(text) from public;

-- source: db/functions/security/access_version.sql
-- zava.access_version(): a text that is another one as soon as anything changes that decides what a
-- principal may see; null once it may see nothing. The answer cache asks before it gives anything,
-- and keeps each answer under the version it was read with. xmin changes with every update, and
-- zava.access_changes with every change of identities, so that one that is taken back gives no old
-- text again.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.access_version(
    p_principal_id uuid,
    p_kid text
)
returns text
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                ' ',
                -- This database, and no copy of it.
                (select h.chain_id from zava.audit_head as h),
                (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()),
                extract(epoch from pg_postmaster_start_time()),
                p.principal_id,
                p.role_name,
                p.xmin,
                k.xmin,
                (
                    select string_agg(concat_ws('/', s.store_id, s.xmin), ',' order by s.store_id)
                    from zava.principal_stores as s
                    where s.principal_id = p.principal_id
                ),
                (select a.number from zava.access_changes as a),
                -- Grants, policies, views, functions, in whatever schema: a view of api may show tables of
                -- any. Partitions of the log come and go by themselves, as temporary tables do.
                (
                    select sum(hashtextextended(concat_ws('/', n.oid, n.xmin), 0))
                    from pg_catalog.pg_namespace as n
                    where n.nspname !~ '^pg_(toast_)?temp_'
                ),
                (
                    select sum(hashtextextended(concat_ws('/', c.oid, c.xmin), 0))
                    from pg_catalog.pg_class as c
                    where c.relkind in ('r', 'p', 'v', 'm', 'f')
                        and c.relpersistence <> 't'
                        and not (c.relispartition and c.relnamespace = 'zava'::regnamespace)
                ),
                (
                    select sum(hashtextextended(concat_ws('/', a.attrelid, a.attnum, a.xmin), 0))
                    from pg_catalog.pg_attribute as a
                    where a.attacl is not null
                ),
                (
                    select sum(hashtextextended(concat_ws('/', y.oid, y.xmin), 0))
                    from pg_catalog.pg_policy as y
                ),
                (
                    select sum(hashtextextended(concat_ws('/', f.oid, f.xmin), 0))
                    from pg_catalog.pg_proc as f
                    where f.pronamespace <> 'pg_catalog'::regnamespace
                ),
                zava._role_version(p.role_name)
            ),
            'UTF8'
        )),
        'hex'
    )
    from zava.principals as p
    cross join zava.signing_keys as k
    where p.principal_id = p_principal_id
        and p.active
        and k.kid = p_kid
        and k.not_after > clock_timestamp();
end;

comment on function zava.access_version(uuid, text) is
    'Fingerprint of what decides what a principal may see; null for one that is disabled or unknown, or once the key is retired.

p_principal_id: id of the principal
p_kid: id of the key that signs its contexts';
revoke execute on function zava.access_version(uuid, text) from public;
grant execute on function zava.access_version(uuid, text) to zava_service;

-- source: db/functions/security/authenticate.sql
-- zava.authenticate(): the principal whose key this is; asked for every request over HTTP, so that
-- a revoked key, an expired one and a disabled principal are shut out at once.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.authenticate(
    p_key_hash bytea
)
returns table (
    principal_id uuid,
    name text,
    kind text,
    role_name name,
    active boolean,
    key_id uuid
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select p.principal_id, p.name, p.kind, p.role_name, p.active, k.key_id
    from zava.api_keys as k
    join zava.principals as p on p.principal_id = k.principal_id
    where k.key_hash = p_key_hash
        and k.revoked_at is null
        and k.expires_at > clock_timestamp();
end;

comment on function zava.authenticate(bytea) is
    'The principal of a key that is neither revoked nor expired, and the id of the key; or no row.

p_key_hash: SHA-256 of the key';
revoke execute on function zava.authenticate(bytea) from public;
grant execute on function zava.authenticate(bytea) to zava_service;

-- source: db/functions/security/create_api_key.sql
-- zava.create_api_key(): stores the hash of a key that the caller made; the key itself never
-- reaches the database.
create or replace function zava.create_api_key(
    p_principal text,
    p_key_hash bytea,
    p_expires_at timestamptz default 'infinity'
)
returns uuid
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_key_id uuid;
begin
    if p_expires_at <= clock_timestamp() then
        raise exception 'the key would be expired already: %', p_expires_at
            using errcode = 'invalid_parameter_value', hint = 'Choose a moment in the future.';
    end if;

    insert into zava.api_keys (key_hash, principal_id, expires_at)
    select p_key_hash, p.principal_id, p_expires_at
    from zava.principals as p
    where p.name = p_principal and p.active
    returning key_id into v_key_id;

    if v_key_id is null then
        raise exception 'unknown or disabled principal: %',
            coalesce(quote_literal(left(p_principal, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;

    return v_key_id;
end;
$function$;

comment on function zava.create_api_key(text, bytea, timestamptz) is
    'Registers a key of a principal; returns the id by which it can be revoked.

p_principal: name of the principal
p_key_hash: SHA-256 of the key
p_expires_at: end of its validity';
revoke execute on function zava.create_api_key(text, bytea, timestamptz) from public;

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

-- source: db/functions/security/create_signing_key.sql
-- zava.create_signing_key(): makes a context key known to the database. The client computes the
-- pads (RFC 2104), so that verifying costs two hashes and no loop.
create or replace function zava.create_signing_key(
    p_kid text,
    p_ipad bytea,
    p_opad bytea
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    insert into zava.signing_keys (kid, ipad, opad)
    values (p_kid, p_ipad, p_opad);
exception
    when unique_violation then
        raise exception 'signing key % exists already', p_kid
            using errcode = 'unique_violation', hint = 'Choose another key id.';
end;
$function$;

comment on function zava.create_signing_key(text, bytea, bytea) is
    'Adds a key that contexts may be signed with; older keys go on verifying until retired.

p_kid: id of the key, up to 16 lower-case letters and digits
p_ipad: the key padded with zeros to 64 bytes, each xor 0x36
p_opad: the key padded with zeros to 64 bytes, each xor 0x5c';
revoke execute on function zava.create_signing_key(text, bytea, bytea) from public;

-- source: db/functions/security/disable_principal.sql
-- zava.disable_principal(): shuts a principal out at once, in running transactions too.
-- Its role stays, for others may share it, and its keys, for they may be wanted in the audit.
create or replace function zava.disable_principal(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.principals as p
    set active = false,
        updated_at = now()
    where p.name = p_name;

    if not found then
        raise exception 'unknown principal: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;
end;
$function$;

comment on function zava.disable_principal(text) is
    'Disables a principal: its keys and its unexpired contexts show nothing from now on.

p_name: name of the principal';
revoke execute on function zava.disable_principal(text) from public;

-- source: db/functions/security/enable_principal.sql
-- zava.enable_principal(): lets a disabled principal in again.
create or replace function zava.enable_principal(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.principals as p
    set active = true,
        updated_at = now()
    where p.name = p_name;

    if not found then
        raise exception 'unknown principal: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql principal list.';
    end if;
end;
$function$;

comment on function zava.enable_principal(text) is
    'Enables a principal that was disabled.

p_name: name of the principal';
revoke execute on function zava.enable_principal(text) from public;

-- source: db/functions/security/find_principal.sql
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

-- source: db/functions/security/find_principal_by_id.sql
-- zava.find_principal_by_id(): a principal by its id, for requests of a trusted proxy, which has
-- authenticated the caller itself. Disabled ones are told apart so that the error can say so.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.find_principal_by_id(
    p_principal_id uuid
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
    where p.principal_id = p_principal_id;
end;

comment on function zava.find_principal_by_id(uuid) is
    'The principal of an id, or no row.

p_principal_id: id of the principal';
revoke execute on function zava.find_principal_by_id(uuid) from public;
grant execute on function zava.find_principal_by_id(uuid) to zava_service;

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
-- a newer minor version are caught as well. pg_monitor, the owner and, for the few functions that it
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
            ('pg_stat_get_.*|pg_stat_reset.*|pg_(clear|restore)_(relation|attribute)_stats|pg_(get_)?backend_memory_contexts', 'reading or changing statistics of all tenants'),
            ('pg_(relation|table|indexes|total_relation|database|tablespace)_size|pg_relation_file(node|path)|pg_sequence_last_value|currtid2', 'sizes that tell the row counts of all tenants'),
            ('txid_.*|pg_export_snapshot|pg_current_(xact_id|xact_id_if_assigned|snapshot)|pg_last_committed_xact|pg_xact_status|pg_xact_commit_timestamp.*|pg_get_multixact_members', 'transaction counters that tell the activity of others'),
            ('pg_current_wal_.*|pg_available_wal_summaries|pg_wal_summary_contents|pg_get_wal_summarizer_state|pg_last_(wal|xact)_.*|pg_control_.*|pg_get_replication_slots', 'log positions that tell the activity of others'),
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
            concat_ws(', ', k.names, quote_ident(r.rolname)) as names,
            r.oid is not null
                and not exists (select from aclexplode(f.acl) as a where a.grantee = r.oid) as lacking
        from functions as f
        cross join kept as k
        left join pg_catalog.pg_roles as r
            on r.rolname = 'zava_gateway'
            and f.signature in (
                'pg_advisory_unlock_all()',
                -- How far a replica is behind.
                'pg_last_wal_receive_lsn()',
                'pg_last_wal_replay_lsn()',
                'pg_last_xact_replay_timestamp()'
            )
    ),
    relations as (
        select
            c.oid,
            c.oid::regclass::text as name,
            coalesce(c.relacl, acldefault('r', c.relowner)) as acl,
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
            not k.lacking
                and not exists (select from aclexplode(f.acl) as a where a.grantee = 0) as done
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
        union all
        -- A database can be hardened before these roles are made.
        select
            5,
            f.signature,
            'taken from PUBLIC, and not given to those who need it',
            format('grant execute on function %s to %s', f.signature, k.names),
            '',
            false
        from functions as f
        join function_keepers as k on k.oid = f.oid
        where exists (select from aclexplode(f.given) as a where a.grantee = 0)
            and not exists (select from aclexplode(f.acl) as a where a.grantee = 0)
            and exists (
                select
                from keepers as o
                where not exists (select from aclexplode(f.acl) as a where a.grantee = o.oid)
            )
        union all
        select
            6,
            r.name,
            'taken from PUBLIC, and not given to those who need it',
            format('grant select on %s to %s', r.name, k.names),
            '',
            false
        from relations as r
        cross join kept as k
        where not r.is_public
            and exists (
                select
                from keepers as o
                where not exists (
                    select
                    from aclexplode(r.acl) as a
                    where a.grantee = o.oid and a.privilege_type = 'SELECT'
                )
            )
    )
    select s.object, s.protects_from, s.statement, s.undo, s.done
    from steps as s
    order by s.step, s.object;
end;

comment on function zava.hardening() is
    'Objects that harden this database when PUBLIC loses them, in order: what that protects from, the statements that do and undo it, and whether it is done. zava.harden() runs them.';
revoke execute on function zava.hardening() from public;

-- source: db/functions/security/house_rules.sql
-- zava.house_rules(): what breaks a rule that every object keeps. Asked before a revision is
-- written, over the objects that it would make, and by tests/sql/house_rules.sql of a database.
create or replace function zava.house_rules(
    p_schemas name[] default '{zava,retail,api}'
)
returns table (rule text, object text, remedy text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'a function is bound at creation or pins its search_path to pg_catalog, pg_temp',
        p.oid::regprocedure::text,
        'write it with begin atomic, or add: set search_path = pg_catalog, pg_temp'
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and p.prosqlbody is null
        -- The second is how a dump restores it where quote_all_identifiers is on.
        and not coalesce(
            p.proconfig && array['search_path=pg_catalog, pg_temp', 'search_path="pg_catalog", "pg_temp"'],
            false
        )

    union all

    select
        'no function can be executed by PUBLIC',
        p.oid::regprocedure::text,
        format('add: revoke execute on function %s from public;', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
            where a.grantee = 0
        )

    union all

    select
        'every function has a comment',
        p.oid::regprocedure::text,
        format('add: comment on function %s is …, a line for each parameter', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and pg_catalog.obj_description(p.oid, 'pg_proc') is null

    union all

    select
        'row-level security is enabled and forced on every tenant table',
        c.oid::regclass::text,
        format(
            'add to its file in db/policies: alter table %1$s enable row level security;'
            ' alter table %1$s force row level security;',
            c.oid::regclass
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    where n.nspname = any (p_schemas)
        and n.nspname ~ 'retail$'
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and a.attname = 'store_id'
        and not a.attisdropped
        and not (c.relrowsecurity and c.relforcerowsecurity)

    union all

    select
        'no policy is for PUBLIC or zava_owner',
        format('%s on %s', p.polname, c.oid::regclass),
        'name the roles that it is for: to store_manager'
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from unnest(p.polroles) as u (role)
            left join pg_catalog.pg_roles as r on r.oid = u.role
            where r.rolname is null or r.rolname = 'zava_owner'
        )
    order by 1, 2;
end;

comment on function zava.house_rules(name[]) is
    'What breaks a rule that every object keeps, and how to mend it. No row when all is well.

p_schemas: names of the schemas to look at';
revoke execute on function zava.house_rules(name[]) from public;

-- source: db/functions/security/identify.sql
-- zava.identify(): name and kind of the caller, for api.whoami(); no row without a valid context.
-- The id stays inside: it is a secret of its holder.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.identify(
    p_role name
)
returns table (principal text, kind text)
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select p.name, p.kind
    from zava.principals as p
    where p.principal_id = (zava.verify_context(p_role)).principal_id;
end;
$function$;

comment on function zava.identify(name) is
    'Name and kind of the caller of this transaction.

p_role: current_user of the function that asks';
revoke execute on function zava.identify(name) from public;
grant execute on function zava.identify(name) to store_manager, regional_manager, head_office;

-- source: db/functions/security/is_head_office.sql
-- zava.is_head_office(): true when the caller is head office; its fence asks it.
-- A function of its own, never an "or" in the tenants' fence, which would cost them the index.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.is_head_office(
    p_role name
)
returns boolean
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return coalesce((zava.verify_context(p_role)).kind = 'head', false);
end;
$function$;

comment on function zava.is_head_office(name) is
    'Whether the caller of this transaction is head office.

p_role: current_user of the policy that asks';
revoke execute on function zava.is_head_office(name) from public;
grant execute on function zava.is_head_office(name) to head_office;

-- source: db/functions/security/knows_signing_key.sql
-- zava.knows_signing_key(): lets the server see at start that its contexts will verify. With a key
-- unknown here every tenant would silently see nothing.
-- SECURITY DEFINER: the service login may compare a fingerprint, not read a key.
create or replace function zava.knows_signing_key(
    p_kid text,
    p_fingerprint bytea
)
returns boolean
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select exists (
        select
        from zava.signing_keys as k
        where k.kid = p_kid
            and k.not_after > clock_timestamp()
            and sha256(k.ipad || k.opad) = p_fingerprint
    );
end;

comment on function zava.knows_signing_key(text, bytea) is
    'Whether contexts signed with this key verify here.

p_kid: id of the key
p_fingerprint: SHA-256 of its two pads, ipad first';
revoke execute on function zava.knows_signing_key(text, bytea) from public;
grant execute on function zava.knows_signing_key(text, bytea) to zava_service;

-- source: db/functions/security/notify_access.sql
-- zava.notify_access(): trigger of the tables of identities and keys, whatever changes them, a
-- function or an administrator's own UPDATE: tells servers to forget the answers they keep, and
-- counts the change for zava.access_version().
create or replace function zava.notify_access()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.access_changes as a set number = a.number + 1;
    notify zava_access;
    return null;
end;
$function$;

comment on function zava.notify_access() is
    'Trigger: counts changes of identities and keys and notifies the channel zava_access.';
revoke execute on function zava.notify_access() from public;
create or replace trigger principals_notify
    after insert or update or delete or truncate on zava.principals
    for each statement execute function zava.notify_access();
create or replace trigger principal_stores_notify
    after insert or update or delete or truncate on zava.principal_stores
    for each statement execute function zava.notify_access();
create or replace trigger api_keys_notify
    after insert or update or delete or truncate on zava.api_keys
    for each statement execute function zava.notify_access();
create or replace trigger signing_keys_notify
    after insert or update or delete or truncate on zava.signing_keys
    for each statement execute function zava.notify_access();

-- source: db/functions/security/retire_signing_key.sql
-- zava.retire_signing_key(): ends a context key at once: contexts signed with it are an error.
create or replace function zava.retire_signing_key(
    p_kid text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.signing_keys as k
    set not_after = least(k.not_after, clock_timestamp())
    where k.kid = p_kid;

    if not found then
        raise exception 'unknown signing key: %', coalesce(quote_literal(left(p_kid, 60)), 'null')
            using errcode = 'no_data_found', hint = 'List them: zava-sql key list.';
    end if;
end;
$function$;

comment on function zava.retire_signing_key(text) is
    'Ends a signing key.

p_kid: id of the key';
revoke execute on function zava.retire_signing_key(text) from public;

-- source: db/functions/security/revoke_api_key.sql
-- zava.revoke_api_key(): ends a key at once; revoking twice keeps the first moment.
create or replace function zava.revoke_api_key(
    p_key_id uuid
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    update zava.api_keys as k
    set revoked_at = coalesce(k.revoked_at, clock_timestamp())
    where k.key_id = p_key_id;

    if not found then
        raise exception 'unknown key: %', p_key_id
            using errcode = 'no_data_found', hint = 'List them: zava-sql token list.';
    end if;
end;
$function$;

comment on function zava.revoke_api_key(uuid) is
    'Revokes a key.

p_key_id: id that zava.create_api_key() returned';
revoke execute on function zava.revoke_api_key(uuid) from public;

-- source: db/functions/security/role_caps.sql
-- zava.role_caps(): caps that the administrator sets by "alter role … set zava.max_rows = '500'",
-- for a tenant role or, for all its roles, for a class. The last valid one of a role and cap counts:
-- the tenant's own before its class's, one for this database before one for all. Only the server
-- knows which are valid, so it gets all: one that is misspelt must not set a valid one aside. The
-- session of a tenant never reads them: they take effect at login, and nobody logs in as a tenant.
create or replace function zava.role_caps()
returns table (role_name text, cap text, value text)
language sql
stable
parallel safe
security invoker
begin atomic
    with tenants as (
        select t.oid, t.rolname::text as role_name
        from pg_catalog.pg_roles as g
        join pg_catalog.pg_auth_members as m on m.member = g.oid
        join pg_catalog.pg_roles as t on t.oid = m.roleid
        where g.rolname = 'zava_gateway'
    ),
    scopes as (
        select t.role_name, t.oid as role_id, 1 as rank
        from tenants as t
        union all
        select t.role_name, c.roleid, 2
        from tenants as t
        join pg_catalog.pg_auth_members as c on c.member = t.oid and c.inherit_option
    )
    select
        s.role_name,
        substr(split_part(e.entry, '=', 1), 6),
        substr(e.entry, strpos(e.entry, '=') + 1)
    from scopes as s
    join pg_catalog.pg_db_role_setting as d on d.setrole = s.role_id
    cross join unnest(d.setconfig) as e (entry)
    where e.entry like 'zava.%'
        and d.setdatabase in (
            0, (select b.oid from pg_catalog.pg_database as b where b.datname = current_database())
        )
    order by s.role_name, split_part(e.entry, '=', 1), s.rank desc, d.setdatabase;
end;

comment on function zava.role_caps() is
    'Caps of tenant roles as the administrator has set them with ALTER ROLE … SET zava.…; the last valid one of a role and cap counts';
revoke execute on function zava.role_caps() from public;
grant execute on function zava.role_caps() to zava_service;

-- source: db/functions/security/secure_database.sql
-- zava.secure_database(): only our logins may connect, and nobody makes temporary objects.
-- CREATE DATABASE ... TEMPLATE does not copy a database's privileges: run it again in a copy.
create or replace function zava.secure_database()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to zava_gateway, zava_service', current_database()
    );
end;
$function$;

comment on function zava.secure_database() is
    'Takes CONNECT and TEMPORARY on this database from PUBLIC and lets the two logins connect.';
revoke execute on function zava.secure_database() from public;

-- source: db/functions/security/verify_context.sql
-- zava.verify_context(): the principal of a valid signed context, else nulls.
-- Context: 1.<kid>.<principal id>.<role>.<backend pid, 0 = any>.<expiry, epoch>.<HMAC-SHA256, hex>
-- It never explains: a forged context looks like none. Only one that is genuine is an error if its key
-- is retired, its principal disabled or its time over: no rows would be taken for an answer until its
-- server knows that, or that a clock has moved. Their SQLSTATEs are nobody else's: the server must not
-- take what a function of one's own raises for these.
-- The role is an argument since current_user is the owner in here; the policy passes its own
-- current_user. It is the role of the principal's scope or, in the runner, its class role; the context
-- must name the same one. One query, for every policy of every statement pays for it; and one plan,
-- for a report that has its own statements planned for the values at hand would have this one planned
-- for each of its tables.
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
set plan_cache_mode = force_generic_plan
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
            k.not_after,
            p.principal_id,
            p.kind,
            p.active,
            array(
                select ps.store_id
                from zava.principal_stores as ps
                where ps.principal_id = p.principal_id
            ) as stores
        into v_found
        from zava.signing_keys as k
        cross join zava.principals as p
        where k.kid = v_part[2]
            and p.principal_id::text = v_part[3]
            and p_role in (p.role_name, zava._class_role(p.kind));

        -- Hashes of both sides are compared: the time taken says nothing about a matching prefix.
        -- They are equal only if the last part has 64 digits, so that the body is all before it.
        if sha256(convert_to(v_part[7], 'UTF8')) = sha256(convert_to(encode(
            sha256(v_found.opad || sha256(v_found.ipad || convert_to(left(v_context, -65), 'UTF8'))),
            'hex'
        ), 'UTF8')) then
            if v_found.not_after <= clock_timestamp() then
                raise exception 'the key that signed this context is retired'
                    using errcode = 'ZA001',
                        hint = 'Start the server with a new one: zava-sql key create.';
            end if;

            if not v_found.active then
                raise exception 'the principal of this context is disabled'
                    using errcode = 'ZA003',
                        hint = 'An administrator can enable it: zava-sql principal enable.';
            end if;

            if v_part[6]::bigint <= extract(epoch from clock_timestamp()) then
                raise exception 'the time of this context is over'
                    using errcode = 'ZA002',
                        hint = 'The clock of this server, or of the one that made it, has moved.';
            end if;

            principal_id := v_found.principal_id;
            kind := v_found.kind;
            stores := v_found.stores;
        end if;
    end if;
end;
$function$;

comment on function zava.verify_context(name) is
    'Principal, kind and stores in the signed context of this transaction; nulls when anything about it is wrong, an error when its key is retired, its principal disabled or its time over.

p_role: role that the context must name';
revoke execute on function zava.verify_context(name) from public;

-- source: db/functions/security/visible_stores.sql
-- zava.visible_stores(): the stores of the caller; the fence of every tenant table asks it.
-- Empty, never null, when the context is not valid. Head office has no stores
-- of its own: it sees nothing through this fence.
-- SECURITY DEFINER: tenants have no access to the kernel's tables.
create or replace function zava.visible_stores(
    p_role name
)
returns uuid[]
language plpgsql
stable
parallel restricted
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return coalesce((zava.verify_context(p_role)).stores, '{}');
end;
$function$;

comment on function zava.visible_stores(name) is
    'Ids of the stores that the caller of this transaction may see.

p_role: current_user of the policy that asks';
revoke execute on function zava.visible_stores(name) from public;
grant execute on function zava.visible_stores(name) to store_manager, regional_manager;

-- source: db/functions/security/whoami.sql
-- api.whoami(): who the caller is and which stores it sees. Bound at creation (begin atomic), so
-- the caller needs no USAGE on the kernel's schema. Needs no search_path for the same reason.
create or replace function api.whoami()
returns table (principal text, kind text, stores text[])
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        i.principal,
        i.kind,
        array(select s.store_key from retail.stores as s order by s.store_key) as stores
    from zava.identify(current_user) as i;
end;

comment on function api.whoami() is
    'Who is asking: name of the principal, its kind (store, region or head) and the keys of the stores whose rows it sees. No row when the identity is not valid.';
revoke execute on function api.whoami() from public;
grant execute on function api.whoami() to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_callable_functions.sql
-- zava._callable_functions(): functions that the caller may call, with what a caller must know.
-- A name with a leading underscore is internal. The line has arguments by name, in [] those that may
-- be left out, and the first sentence of the comment.
create or replace function zava._callable_functions()
returns table (function_name text, signature text, description text, line text)
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
        coalesce(c.comment, ''),
        concat(
            format(
                '%I.%I(%s)',
                n.nspname,
                p.proname,
                case
                    when p.proargnames is null then pg_get_function_identity_arguments(p.oid)
                    else coalesce(a.arguments, '')
                end
            ),
            ': ' || left(
                coalesce(
                    substring(c.first_line, '^.*?(?<!e\.g)(?<!i\.e)[.?!](?= |$)'), c.first_line
                ),
                1000
            )
        )
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    cross join lateral (
        select d.comment, split_part(d.comment, e'\n', 1)
        from obj_description(p.oid, 'pg_proc') as d (comment)
    ) as c (comment, first_line)
    cross join lateral (
        select string_agg(
            case when i.place > p.pronargs - p.pronargdefaults
                then '[' || i.name || ']' else i.name end,
            ', ' order by i.place
        )
        from (
            select row_number() over (order by u.place), coalesce(nullif(u.name, ''), '$' || u.place)
            from unnest(p.proargnames, p.proargmodes) with ordinality as u (name, mode, place)
            where coalesce(u.mode, 'i') in ('i', 'b', 'v')
        ) as i (place, name)
    ) as a (arguments)
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

-- source: db/functions/schema/_column_names.sql
-- zava._column_names(): names of columns in the order of a key, as SQL would write them.
-- Bound at creation (begin atomic), like everything in this folder: the caller needs no USAGE on
-- the kernel's schema. SECURITY INVOKER over the system catalogue: it knows what the caller may know.
create or replace function zava._column_names(
    p_table oid,
    p_columns smallint[]
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select string_agg(quote_ident(a.attname), ', ' order by k.position)
    from unnest(p_columns) with ordinality as k (attnum, position)
    join pg_catalog.pg_attribute as a on a.attrelid = p_table and a.attnum = k.attnum;
end;

comment on function zava._column_names(oid, smallint[]) is
    'Names of columns, separated by commas.

p_table: the table
p_columns: numbers of the columns, in order';
revoke execute on function zava._column_names(oid, smallint[]) from public;
grant execute on function zava._column_names(oid, smallint[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_readable_tables.sql
-- zava._readable_tables(): tables and views that the caller may read at least one column of.
-- Partitions are left out: their parent stands for them. So is what its comment calls internal: what
-- functions keep for themselves is read with the caller's rights, and of no use to whoever asks.
create or replace function zava._readable_tables()
returns table (table_id oid, schema_name text, table_name text)
language sql
stable
parallel safe
security invoker
begin atomic
    select c.oid, n.nspname::text, c.relname::text
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('retail', 'api')
        and c.relkind in ('r', 'p', 'v', 'f')
        and not c.relispartition
        and not starts_with(coalesce(obj_description(c.oid, 'pg_class'), ''), 'Internal: ')
        and has_schema_privilege(n.oid, 'usage')
        and has_any_column_privilege(c.oid, 'select');
end;

comment on function zava._readable_tables() is
    'Tables and views of the schemas retail and api that the caller may read.';
revoke execute on function zava._readable_tables() from public;
grant execute on function zava._readable_tables()
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_describe_all.sql
-- zava._describe_all(): the overview, a line for each table and function.
-- What stands in the brackets behind a table is its primary key.
create or replace function zava._describe_all()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select concat_ws(
        e'\n',
        'Tables, each with its primary key:',
        (
            select string_agg(
                concat(
                    format('%I.%I', t.schema_name, t.table_name),
                    ' (' || zava._column_names(k.conrelid, k.conkey) || ')',
                    ': ' || left(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), 1000)
                ),
                e'\n'
                order by t.schema_name desc, t.table_name
            )
            from zava._readable_tables() as t
            left join pg_catalog.pg_constraint as k
                on k.conrelid = t.table_id and k.contype = 'p'
        ),
        'Functions, in [] what may be left out:',
        (
            select string_agg(f.line, e'\n' order by f.line)
            from zava._callable_functions() as f
        ),
        'Columns, types and defaults of one of them: describe_schema with its name.'
    );
end;

comment on function zava._describe_all() is
    'All tables and functions that the caller may use, a line each.';
revoke execute on function zava._describe_all() from public;
grant execute on function zava._describe_all()
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_listed_values.sql
-- zava._listed_values(): the values that a check lists, texts or numbers, as JSON.
-- PostgreSQL writes "x in ('a', 'b')" in one form, and only that is read, each value in its own:
-- 'a'::text, 1, '-1'::integer, (1)::bigint. Any other check is kept by the database alone.
create or replace function zava._listed_values(
    p_check text,
    p_numbers boolean
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when not p_numbers then (
            select json_agg(replace(m.value[1], '''''', '''') order by m.position)
            from regexp_matches(d.list, '''((?:[^'']|'''')*)''', 'g')
                with ordinality as m (value, position)
        )
        else (
            select json_agg(m.value[1]::numeric order by m.position)
            from regexp_matches(d.list, '(?:^|, )\(*''?(-?\d+(?:\.\d+)?)', 'g')
                with ordinality as m (value, position)
        )
    end
    from (
        select substring(
            p_check
            from concat(
                '^CHECK \(\(+(?:"(?:[^"]|"")+"|[^\s"()]+)\)?(?:::\w+)?',
                ' = ANY \(+ARRAY\[([^\]]*)\]\)*(?:::\w+\[\])?\)+$'
            )
        )
    ) as d (list)
    where d.list ~ case
        when p_numbers
            then '^(?:\(*''?-?\d+(?:\.\d+)?''?(?:\)*::[\w ]+(?:\(\d+,\d+\))?)*\)*(?:, |$))+$'
        else '^(?:\(*''(?:[^'']|'''')*''(?:\)*::[\w ."]+)*\)*(?:, |$))+$'
    end;
end;

comment on function zava._listed_values(text, boolean) is
    'Values that a check lists; null where it is none that does.

p_check: what pg_get_constraintdef() says of it
p_numbers: whether the values are numbers';
revoke execute on function zava._listed_values(text, boolean) from public;
grant execute on function zava._listed_values(text, boolean)
    to zava_service, store_manager, regional_manager, head_office;

-- source: db/functions/schema/_own_values.sql
-- zava._own_values(): the values of a column in a table of which the caller sees at most 50 rows:
-- names of categories, keys of stores. Null when there are more, or one that does not fit in a list.
create or replace function zava._own_values(
    p_table oid,
    p_column smallint
)
returns text
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_list text;
begin
    execute format(
        $query$
            select string_agg(t.v, '|' order by t.v)
            from (select %1$I as v from %2$s limit 51) as t
            having count(*) <= 50 and not bool_or(t.v ~ '[|[:cntrl:]]' or length(t.v) > 60)
        $query$,
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = p_table and a.attnum = p_column
        ),
        p_table::regclass
    ) into v_list;
    return v_list;
end;
$function$;

comment on function zava._own_values(oid, smallint) is
    'Values of a text column that the caller sees, separated by |, or null where there are many.

p_table: a table that the caller may read
p_column: number of a column of type text';
revoke execute on function zava._own_values(oid, smallint) from public;
grant execute on function zava._own_values(oid, smallint)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_domain_values.sql
-- zava._domain_values(): the values that a check of a domain lists, texts or numbers, as JSON.
create or replace function zava._domain_values(
    p_domain oid
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select v.list
    from pg_catalog.pg_type as t
    join pg_catalog.pg_constraint as k on k.contypid = t.oid
    cross join lateral
        zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as v (list)
    where t.oid = p_domain
        and v.list is not null
    order by k.conname
    limit 1;
end;

comment on function zava._domain_values(oid) is
    'Values that a domain allows, where a check lists them; else null.

p_domain: the domain';
revoke execute on function zava._domain_values(oid) from public;
grant execute on function zava._domain_values(oid)
    to zava_service, store_manager, regional_manager, head_office;

-- source: db/functions/schema/_type_values.sql
-- zava._type_values(): the values of an enum, of a domain whose check lists them, or of what a domain
-- or an array is made of; null where there are more than 50.
create or replace function zava._type_values(
    p_type oid
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    with recursive made_of (type_id, kind, depth) as (
        select t.oid, t.typtype, 0
        from pg_catalog.pg_type as t
        where t.oid = p_type
        union all
        select t.oid, t.typtype, m.depth + 1
        from made_of as m
        join pg_catalog.pg_type as w on w.oid = m.type_id
        join pg_catalog.pg_type as t
            on t.oid = case when w.typtype = 'd' then w.typbasetype else w.typelem end
        where w.typtype = 'd' or w.typsubscript = 'array_subscript_handler'::regproc
    )
    select v.list
    from made_of as m
    cross join lateral (
        select case m.kind
            when 'e' then (
                select string_agg(e.enumlabel, '|' order by e.enumsortorder)
                from pg_catalog.pg_enum as e
                where e.enumtypid = m.type_id
                having count(*) <= 50
            )
            when 'd' then (
                select string_agg(j.value, '|' order by j.place)
                from json_array_elements_text(zava._domain_values(m.type_id))
                    with ordinality as j (value, place)
                having count(*) <= 50
            )
        end
    ) as v (list)
    where v.list is not null
    order by m.depth
    limit 1;
end;

comment on function zava._type_values(oid) is
    'Values of an enum or a domain that lists them, separated by |; null of other types.

p_type: the type of a column';
revoke execute on function zava._type_values(oid) from public;
grant execute on function zava._type_values(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_describe_columns.sql
-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint or
-- the type lists the values of a column, so does its line; and where a text is the key of a small table.
create or replace function zava._describe_columns(
    p_table oid
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select string_agg(
        concat(
            quote_ident(a.attname),
            ' ',
            -- The short names, as answers have them; and no column of such a type is found by "time zone".
            replace(
                regexp_replace(
                    format_type(a.atttypid, a.atttypmod),
                    '^(timestamp|time)(\(\d\))? with time zone', '\1tz\2'
                ),
                ' without time zone', ''
            ),
            case when not a.attnotnull then ' null' end,
            ' (' || coalesce(
                v.list,
                case when t.typtype in ('d', 'e') or t.typcategory = 'A'
                    then zava._type_values(t.oid) end,
                o.list
            ) || ')',
            ': ' || regexp_replace(col_description(a.attrelid, a.attnum), '\s*[\n\r]\s*', ' ', 'g')
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join lateral (
        select string_agg(m.value, '|' order by m.position) as list
        from (
            select d.list
            from pg_catalog.pg_constraint as k
            cross join lateral
                zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as d (list)
            where k.conrelid = a.attrelid
                and k.contype = 'c'
                and k.conkey = array[a.attnum]
                and d.list is not null
            order by k.conname
            limit 1
        ) as l
        cross join lateral json_array_elements_text(l.list)
            with ordinality as m (value, position)
    ) as v on true
    left join lateral (
        select zava._own_values(k.indrelid, a.attnum) as list
        from pg_catalog.pg_index as k
        where k.indrelid = a.attrelid
            and k.indisunique
            and not k.indisprimary
            and k.indnkeyatts = 1
            and k.indpred is null
            and pg_get_indexdef(k.indexrelid, 1, true) in (
                quote_ident(a.attname), format('lower(%I)', a.attname)
            )
            and a.atttypid = 'text'::regtype
            and has_column_privilege(a.attrelid, a.attnum, 'select')
        limit 1
    ) as o on true
    where a.attrelid = p_table
        and a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select');
end;

comment on function zava._describe_columns(oid) is
    'Columns of a table: name, type, null where they may be, values where they are few, comment.

p_table: the table';
revoke execute on function zava._describe_columns(oid) from public;
grant execute on function zava._describe_columns(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_describe_keys.sql
-- zava._describe_keys(): primary, unique and foreign keys of a table, a line each.
create or replace function zava._describe_keys(
    p_table oid
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select string_agg(
        concat(
            case k.contype when 'p' then 'primary key' when 'u' then 'unique' else 'foreign key' end,
            ' (',
            zava._column_names(k.conrelid, k.conkey),
            ')',
            ' references ' || quote_ident(n.nspname) || '.' || quote_ident(f.relname)
                || ' (' || zava._column_names(k.confrelid, k.confkey) || ')'
        ),
        e'\n'
        order by array_position(array['p', 'u', 'f'], k.contype::text), k.conname
    )
    from pg_catalog.pg_constraint as k
    left join (
        pg_catalog.pg_class as f
        join pg_catalog.pg_namespace as n on n.oid = f.relnamespace
    ) on f.oid = k.confrelid
    where k.conrelid = p_table
        and k.contype in ('p', 'u', 'f')
        -- A key is shown to whoever may read all that it names.
        and not exists (
            select
            from (
                select k.conrelid, a.attnum
                from unnest(k.conkey) as a (attnum)
                union all
                select k.confrelid, a.attnum
                from unnest(k.confkey) as a (attnum)
            ) as u (table_id, attnum)
            where not has_column_privilege(u.table_id, u.attnum, 'select')
        );
end;

comment on function zava._describe_keys(oid) is
    'Keys of a table that the caller may read, and what they refer to.

p_table: the table';
revoke execute on function zava._describe_keys(oid) from public;
grant execute on function zava._describe_keys(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_is_named.sql
-- zava._is_named(): whether a name is that of a table or function: with its schema or without, in any
-- case, with quotes or without. Lists write names as SQL does, so that is how they are asked for.
create or replace function zava._is_named(
    p_asked text,
    p_schema text,
    p_name text
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select replace(lower(btrim(p_asked)), '"', '') in (
        replace(lower(p_name), '"', ''), replace(lower(p_schema || '.' || p_name), '"', '')
    );
end;

comment on function zava._is_named(text, text, text) is
    'Whether somebody asks for this table or function.

p_asked: the name that was given
p_schema: schema of the table or function
p_name: its name there';
revoke execute on function zava._is_named(text, text, text) from public;
grant execute on function zava._is_named(text, text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_list_names.sql
-- api._list_names(): names of what the caller may use, for lists and completions of clients; no tool.
create or replace function api._list_names()
returns table (kind text, name text, title text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'table',
        t.schema_name || '.' || t.table_name,
        left(coalesce(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), ''), 1000)
    from zava._readable_tables() as t
    union all
    select distinct on (f.function_name)
        'function',
        'api.' || f.function_name,
        left(split_part(f.description, e'\n', 1), 1000)
    from zava._callable_functions() as f
    order by 1 desc, 2;
end;

comment on function api._list_names() is
    'Tables and functions that the caller may use: kind (table or function), name with its schema, first line of the comment.';
revoke execute on function api._list_names() from public;
grant execute on function api._list_names() to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_list_parts.sql
-- api._list_parts(): what tables and functions are made of, for whoever had a name wrong; no tool.
create or replace function api._list_parts(
    p_names text[],
    p_column text
)
returns table (kind text, name text, parts text, has_column boolean)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'table',
        concat(nullif(quote_ident(t.schema_name), 'retail') || '.', quote_ident(t.table_name)),
        string_agg(quote_ident(a.attname), ', ' order by a.attnum),
        bool_or(a.attname = p_column) is true
    from zava._readable_tables() as t
    join pg_catalog.pg_attribute as a on a.attrelid = t.table_id
    where a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select')
    group by t.schema_name, t.table_name
    having p_names is null or t.table_name = any (p_names) or bool_or(a.attname = p_column)
    union all
    -- The line is the call and, behind a colon, what it is for.
    select
        'function',
        'api.' || quote_ident(f.function_name),
        rtrim(split_part(f.line, '): ', 1), ')') || ')',
        false
    from zava._callable_functions() as f
    where f.function_name = any (p_names)
    order by 1 desc, 2;
end;

comment on function api._list_parts(text[], text) is
    'Tables and functions that the caller may use, of these names, and tables with that column: columns of a table, the call of a function with [] around what may be left out, and whether there is that column.

p_names: names of tables and functions, without a schema; null for all tables
p_column: name of a column; null for none';
revoke execute on function api._list_parts(text[], text) from public;
grant execute on function api._list_parts(text[], text) to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_own_rows.sql
-- zava._own_rows(): how many rows of a table the caller sees, counted up to 10,001 and no further.
-- Counted, not estimated: the planner's statistics are about the rows of all stores.
create or replace function zava._own_rows(
    p_table oid
)
returns bigint
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_count bigint;
begin
    execute format('select count(*) from (select from %s limit 10001) as t', p_table::regclass)
        into v_count;
    return v_count;
end;
$function$;

comment on function zava._own_rows(oid) is
    'Number of rows that the caller sees; 10001 stands for more than 10000.

p_table: a table that the caller may read';
revoke execute on function zava._own_rows(oid) from public;
grant execute on function zava._own_rows(oid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_search_schema.sql
-- zava._search_schema(): lines about tables, columns and functions in whose name, comment or listed
-- values every word occurs, at most 20 of each; or else most words, at most 8. A plural finds its singular.
create or replace function zava._search_schema(
    p_search text,
    p_name text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    with words as (
        select distinct
            case when length(w.word) > 3 then regexp_replace(w.word, 's$', '') else w.word end as word
        from regexp_split_to_table(lower(p_search), '\s+') as w (word)
        where w.word <> ''
    ),
    lines as (
        select
            1 as place,
            t.schema_name,
            t.table_name as name,
            concat(
                format('%I.%I', t.schema_name, t.table_name),
                ': ' || left(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), 1000)
            ) as line,
            '' as more
        from zava._readable_tables() as t
        union all
        select
            2,
            t.schema_name,
            t.table_name,
            format('%I.%I.%s', t.schema_name, t.table_name, c.line),
            ''
        from zava._readable_tables() as t
        cross join lateral
            string_to_table(zava._describe_columns(t.table_id), e'\n') as c (line)
        union all
        select
            3,
            'api',
            f.function_name,
            f.line,
            replace(f.signature, ') returns ', ') ') || f.description
        from zava._callable_functions() as f
    ),
    found as (
        select l.place, l.line, h.hits, max(h.hits) over () as most,
            row_number() over (partition by h.hits, l.place order by h.hits_shown desc, l.line) as number
        from lines as l
        cross join lateral (
            select count(*) as hits,
                count(*) filter (where position(w.word in lower(l.line)) > 0) as hits_shown
            from words as w
            where position(w.word in lower(l.line || l.more)) > 0
        ) as h
        where coalesce(btrim(p_name), '') = '' or zava._is_named(p_name, l.schema_name, l.name)
    ),
    wanted as (
        select count(*) as words from words
    )
    select concat(
        case when max(f.most) < max(w.words)
            then e'Nothing has all of these words; these have most of them:\n' end,
        string_agg(f.line, e'\n' order by f.place, f.line)
    )
    from found as f
    cross join wanted as w
    where f.hits = f.most
        and f.most > 0
        and f.number <= case when f.most = w.words then 20 else 8 end
    having count(*) > 0;
end;

comment on function zava._search_schema(text, text) is
    'Tables, columns and functions that all words are found in, or else most, a line each; null when there is none.

p_search: words, separated by spaces
p_name: table or function to look in, or null for all';
revoke execute on function zava._search_schema(text, text) from public;
grant execute on function zava._search_schema(text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_type_facts.sql
-- zava._type_facts(): what one must know of a type to write a JSON Schema for it: its name as SQL
-- writes it (schema included, of any length: "character" alone would be one letter), its kind
-- (pg_type.typtype, or a for an array), the element of an array and the base of a domain, the
-- columns of a row, and the values of an enum or of a domain whose check lists them. Calls itself,
-- which a body bound at creation could not.
create or replace function zava._type_facts(
    p_type oid
)
returns json
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return (
        select json_strip_nulls(json_build_object(
            'name', t.typname,
            'sql', format_type(t.oid, -1),
            'kind', k.kind,
            'of', case k.kind
                when 'a' then zava._type_facts(t.typelem)
                when 'd' then zava._type_facts(t.typbasetype)
            end,
            'values', case k.kind
                when 'd' then zava._domain_values(t.oid)
                when 'e' then (
                    select json_agg(e.enumlabel order by e.enumsortorder)
                    from pg_enum as e
                    where e.enumtypid = t.oid
                )
            end,
            'columns', case when k.kind = 'c' then (
                select json_agg(
                    json_build_object('name', a.attname, 'type', zava._type_facts(a.atttypid))
                    order by a.attnum
                )
                from pg_attribute as a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            ) end
        ))
        from pg_type as t
        cross join lateral (
            select case
                when t.typsubscript = 'array_subscript_handler'::regproc then 'a'
                else t.typtype::text
            end
        ) as k (kind)
        where t.oid = p_type
    );
end;
$function$;

comment on function zava._type_facts(oid) is
    'Name, kind, element, columns and values of a type, for the schema of a tool.

p_type: the type';
revoke execute on function zava._type_facts(oid) from public;
grant execute on function zava._type_facts(oid) to zava_service;

-- source: db/functions/schema/api_functions.sql
-- zava.api_functions(): all routines of the schema api, with what the schema of a tool is made of.
-- For the service, which makes a tool of each that can be shown. The pinned search_path makes types
-- and defaults come with their schemas, so that they mean the same in every session.
create or replace function zava.api_functions()
returns table (
    function_id oid,
    function_name text,
    kind text,
    volatility text,
    is_set boolean,
    is_variadic boolean,
    result json,
    parameters json,
    description text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.oid,
        p.proname::text,
        p.prokind::text,
        p.provolatile::text,
        p.proretset,
        p.provariadic <> 0,
        zava._type_facts(p.prorettype),
        coalesce(a.list, '[]'),
        coalesce(obj_description(p.oid, 'pg_proc'), '')
    from pg_proc as p
    cross join lateral (
        select json_agg(
            json_build_object(
                'name', p.proargnames[u.position],
                'mode', coalesce(p.proargmodes[u.position], 'i'),
                'type', zava._type_facts(u.type_id),
                'default', pg_get_function_arg_default(p.oid, u.position::integer)
            )
            order by u.position
        )
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality
            as u (type_id, position)
    ) as a (list)
    where p.pronamespace = 'api'::regnamespace
        and not starts_with(p.proname::text, '_')
    order by p.proname, p.oid;
end;
$function$;

comment on function zava.api_functions() is
    'Routines of the schema api: kind and volatility as in pg_proc, types, parameters, comment.';
revoke execute on function zava.api_functions() from public;
grant execute on function zava.api_functions() to zava_service;

-- source: db/functions/schema/api_fingerprint.sql
-- zava.api_fingerprint(): changes whenever something changes that tools and resources are made of, or
-- who may use them: what zava.api_functions() says, tables, privileges, memberships of roles. The
-- service asks for it every few seconds; "notify zava_catalogue" has it ask at once.
create or replace function zava.api_fingerprint()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                e'\n',
                (
                    select string_agg(
                        concat_ws(' ', f.*, p.proacl, p.proowner), e'\n' order by f.function_id
                    )
                    from zava.api_functions() as f
                    join pg_catalog.pg_proc as p on p.oid = f.function_id
                ),
                (
                    select string_agg(concat_ws(' ', n.nspacl, n.nspowner), e'\n' order by n.nspname)
                    from pg_catalog.pg_namespace as n
                    where n.nspname in ('api', 'retail')
                ),
                -- Tables are resources.
                (
                    select sum(
                        hashtextextended(
                            concat_ws(
                                ' ',
                                n.nspname,
                                c.relname,
                                c.relacl,
                                c.relowner,
                                obj_description(c.oid, 'pg_class'),
                                (
                                    select string_agg(a.attacl::text, ' ' order by a.attnum)
                                    from pg_catalog.pg_attribute as a
                                    where a.attrelid = c.oid and a.attacl is not null
                                )
                            ),
                            0
                        )
                    )
                    from pg_catalog.pg_class as c
                    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                    where n.nspname in ('api', 'retail')
                        and c.relkind in ('r', 'p', 'v', 'f')
                        and not c.relispartition
                ),
                (
                    select sum(hashtextextended(concat_ws(' ', m.roleid, m.member, m.inherit_option), 0))
                    from pg_catalog.pg_auth_members as m
                )
            ),
            'UTF8'
        )),
        'hex'
    );
end;

comment on function zava.api_fingerprint() is
    'A text that is another one as soon as functions of the schema api, tables that agents may name, their comments, or who may use them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;

-- source: db/functions/schema/api_functions_of.sql
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

-- source: db/functions/schema/describe_schema.sql
-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null,
    p_search text default null
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select case
        when p_search ~ '\S' then zava._search_schema(p_search, p_name)
        when coalesce(btrim(p_name), '') = '' then zava._describe_all()
        else (
            select string_agg(d.description, e'\n\n' order by d.description)
            from (
                select concat_ws(
                    e'\n',
                    concat(
                        format('%I.%I', t.schema_name, t.table_name),
                        ': ' || obj_description(t.table_id, 'pg_class')
                    ),
                    case
                        when c.relkind in ('r', 'p') then 'Rows you see: '
                            || coalesce(nullif(zava._own_rows(c.oid), 10001)::text, 'more than 10000')
                    end,
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
                join pg_catalog.pg_class as c on c.oid = t.table_id
                where zava._is_named(p_name, t.schema_name, t.table_name)
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where zava._is_named(p_name, 'api', f.function_name)
            ) as d (description)
        )
    end;
end;

comment on function api.describe_schema(text, text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values, comments and how many rows you see. With words: what they are found in. Null when there is nothing.

p_name: table or function, with or without its schema, for example orders or api.whoami
p_search: words to look for in names and comments, for example customer city';
revoke execute on function api.describe_schema(text, text) from public;
grant execute on function api.describe_schema(text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_asked_words.sql
-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words. Most searches have only words that the catalogue has:
-- these are read at once, and spelling is looked after for the others alone. A size in one word that the
-- catalogue does not have, such as 20v or 1/2-inch, is asked for in parts, and so is a name such as lightbulb or
-- hammer/mallet. 1 1/2 is asked for as 1-1/2, or that as this, if the catalogue writes so; 1½ as 1 1/2, 2×4 as 2x4
-- and 8′ as 8, if it writes no such sign. Of night stand each word is also asked for as nightstand, if a product is
-- named so.
create or replace function api._asked_words(
    p_query text
)
returns table (
    words tsquery[],
    weights real[],
    products integer[],
    any_word tsquery,
    total real,
    lexemes text[],
    places varbit[]
)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_asked constant text[] := tsvector_to_array(to_tsvector('english', p_query));
    -- Of 10 in the little word is an inch, of which nothing is left to be found. What is a part of a name,
    -- such as over-ear, T-shirt, 52-709A or painter's, is no word by itself.
    v_simple constant tsvector := to_tsvector(
        'simple', regexp_replace(p_query, '([0-9]\s*)in\M|-|''s\M', '\1', 'gi')
    );
    -- Each word as one with the next: a small hammer is "a asmall smallhammer hammer".
    v_joined constant text[] := tsvector_to_array(
        to_tsvector('english', translate(regexp_replace(p_query, '(\S+)', '\1=\1', 'g'), '= ', ' '))
    );
    v_size constant text := '\m([0-9]+)-?(x(?=[0-9])|[a-z]{1,4}\M)';
    v_mixed constant text := '((?:^|\s)[0-9]+)\s+([0-9]+/[0-9]+)';
    v_sign constant text := '[×′″¼½¾⅓⅔⅛⅜⅝⅞]';
    v_parts text;
    v_known bigint;
begin
    if p_query ~ v_mixed and exists (
        select
        from retail.search_lexemes as k
        where k.lexeme = substring(p_query from '(?:^|\s)[0-9]+\s+[0-9]+(/[0-9]+)')
    ) then
        return query select a.* from api._asked_words(regexp_replace(p_query, v_mixed, '\1-\2', 'g')) as a;
        return;
    end if;
    if cardinality(v_asked) <= 12 then
        select array_agg(a.query), array_agg(a.weight::real), array_agg(a.products),
            string_agg(a.query::text, ' | ')::tsquery, sum(a.weight), array_agg(a.lexeme),
            array_agg(a.places), count(*)
        into words, weights, products, any_word, total, lexemes, places, v_known
        from (
            select api._word_query(k.lexeme) as query, k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = any (v_asked || v_joined)
            order by k.weight desc, k.lexeme
        ) as a;
    end if;
    if (v_known = cardinality(v_asked) and coalesce(lexemes, '{}') <@ v_asked) is not true then
        if p_query ~ v_sign and not exists (
            select
            from unnest(v_asked) as l (lexeme)
            where l.lexeme ~ v_sign
                and (
                    exists (select from retail.search_lexemes as k where k.lexeme = l.lexeme)
                    or exists (
                        select from retail.products as p where p.search_words @@ api._word_query(l.lexeme)
                    )
                )
        ) then
            -- The normal form of ½ has a slash of its own.
            return query
            select a.*
            from api._asked_words(translate(
                normalize(regexp_replace(p_query, '([0-9])([¼-¾⅓-⅞])', '\1 \2', 'g'), nfkc), '⁄×′', '/x'
            )) as a;
            return;
        end if;
        v_parts := (
            select string_agg(
                case
                    -- Sizes and names are short. What is found in them is looked at anew, time after time.
                    when length(t.word) >= 24
                        or t.word !~ '[0-9]|^[[:alpha:]]{6,}$|[[:alpha:]]/[[:alpha:]]'
                        or not exists (
                            select
                            from unnest(tsvector_to_array(to_tsvector('english', t.word))) as l (lexeme)
                            where l.lexeme <> all (coalesce(lexemes, '{}'))
                                and (l.lexeme ~ v_size or l.lexeme ~ '^/[0-9]' or t.word !~ '[0-9]')
                                and not exists (
                                    select from retail.search_lexemes as k where k.lexeme = l.lexeme
                                )
                                and not exists (
                                    select
                                    from retail.products as p
                                    where p.search_words @@ api._word_query(l.lexeme)
                                )
                        )
                        then t.word
                    when t.word ~ '[0-9]' then regexp_replace(
                        regexp_replace(t.word, '\m([0-9]+)-([0-9]+/)', '\1 \2'), v_size, '\1 \2 ', 'gi'
                    )
                    when t.word ~ '/' then translate(t.word, '/', ' ')
                    else coalesce(api._name_parts(t.word), t.word)
                end, ' ' order by t.place
            )
            from regexp_split_to_table(p_query, '\s') with ordinality as t (word, place)
        );
        if v_parts <> p_query then
            return query select a.* from api._asked_words(v_parts) as a;
            return;
        end if;
        with pairs as materialized (
            select p.parts, p.joined, p.places from api._word_pairs(p_query) as p
        )
        select array_agg(a.query) filter (where a.place <= 12),
            array_agg(a.weight::real) filter (where a.place <= 12),
            array_agg(a.products) filter (where a.place <= 12),
            string_agg(a.query::text, ' | ') filter (where a.place <= 12)::tsquery,
            sum(a.weight),
            array_agg(a.lexeme) filter (where a.place <= 12),
            array_agg(a.places) filter (where a.place <= 12)
        into words, weights, products, any_word, total, lexemes, places
        from (
            select api._word_query(q.lexeme) || coalesce(j.query, api._word_query(q.repaired)) as query,
                coalesce(case when j.query is null then q.repaired end, q.lexeme) as lexeme, q.weight,
                coalesce(bit_count(n.places)::integer, q.products) as products,
                coalesce(n.places, q.places) as places,
                row_number() over (order by q.weight desc, q.lexeme) as place
            from api._query_words(p_query) as q
            cross join lateral (
                select string_agg(api._word_query(p.joined)::text, ' | ')::tsquery as query,
                    bit_or(p.places) as places
                from pairs as p
                where q.lexeme = any (p.parts)
            ) as j
            cross join lateral (
                select j.places | case
                    when q.repaired is null then coalesce(q.places, j.places) else j.places
                end as places
            ) as n
            order by place
        ) as a;
    end if;
    -- As many as there are without a look at their meaning: none was left out.
    if length(v_simple) <> cardinality(v_asked) then
        total := total * (
            select count(*)::real / nullif(count(*) filter (where to_tsvector('english', w.lexeme) <> ''), 0)
            from unnest(v_simple) as w
        );
    end if;
    -- Words that every product has are worth nothing, of which nobody has a share.
    total := greatest(total, 0.001);
    return next;
end;
$function$;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth; the words as they are in the catalogue, and in which products each is. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_bought_with.sql
-- api._bought_with(): what orders with some products hold beside these, product by product. Not a
-- tool. Returns are left out. Beyond chance: orders with both, less those to be expected if the two
-- had nothing to do with each other; lift: how many times more often they meet than so.
create or replace function api._bought_with(
    p_products uuid[],
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    product_id uuid,
    other_id uuid,
    orders bigint,
    orders_with bigint,
    other_orders bigint,
    orders_together bigint,
    beyond_chance numeric,
    lift numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with lines as not materialized (
        select l.store_id, l.order_id, l.product_id, l.is_return
        from api.sale_lines as l
        where (p_stores is null or l.store_id = any (p_stores))
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
    ),
    with_it as materialized (
        select distinct l.product_id, l.store_id, l.order_id
        from lines as l
        where l.product_id = any (p_products) and not l.is_return
    ),
    pairs as materialized (
        select w.product_id, l.product_id as other_id,
            count(distinct (l.store_id, l.order_id)) as orders
        from with_it as w
        join api.sale_lines as l
            on l.store_id = w.store_id and l.order_id = w.order_id
            and l.product_id <> w.product_id and not l.is_return
        group by w.product_id, l.product_id
    ),
    sizes as materialized (
        select l.product_id, count(distinct (l.store_id, l.order_id)) as orders
        from lines as l
        where not l.is_return
            and (
                l.product_id = any (p_products)
                or l.product_id in (select p.other_id from pairs as p)
            )
        group by l.product_id
    ),
    total as (
        select count(distinct (l.store_id, l.order_id)) as orders from lines as l where not l.is_return
    )
    select p.product_id, p.other_id, t.orders, a.orders, b.orders, p.orders,
        round(p.orders - a.orders::numeric * b.orders / t.orders, 2),
        round(p.orders::numeric * t.orders / (a.orders * b.orders), 2)
    from pairs as p
    cross join total as t
    join sizes as a on a.product_id = p.product_id
    join sizes as b on b.product_id = p.other_id;
end;
$function$;

comment on function api._bought_with(uuid[], uuid[], date, date) is
    'Pairs of a product and another one in the same orders, with lift.

p_products: the products
p_stores: only these stores; null for all that the caller sees
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api._bought_with(uuid[], uuid[], date, date) from public;
grant execute on function api._bought_with(uuid[], uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_checked_embedding.sql
-- api._checked_embedding(): the vector of a query as search takes it: of the live model, of length 1; null
-- when there is none, or no model is live. Not a tool.
-- A vector of another length was made by another model: it is refused, for what it would find looks
-- like an answer and is none.
create or replace function api._checked_embedding(
    p_embedding vector default null
)
returns vector
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model record;
begin
    select m.name, m.dimensions, f.dimensions as given, f.norm, f.unit into v_model
    from retail.embedding_models as m
    cross join api._vector_facts(p_embedding) as f
    where m.state = 'live';
    if p_embedding is null or not found then
        return null;
    end if;

    if v_model.given <> v_model.dimensions then
        raise exception 'p_query_embedding has % dimensions, those of the live model % have %',
                v_model.given, v_model.name, v_model.dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Embed with the live model, or leave p_query_embedding out to search by words.';
    end if;
    if v_model.norm = 0 then
        raise exception 'p_query_embedding has length zero'
            using errcode = 'invalid_parameter_value',
                  hint = 'Leave p_query_embedding out to search by words.';
    end if;

    return v_model.unit;
end;
$function$;

comment on function api._checked_embedding(vector) is
    'A vector of the live model scaled to length 1; null for null, and when no model is live.

p_embedding: the vector';
revoke execute on function api._checked_embedding(vector) from public;
grant execute on function api._checked_embedding(vector)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_embedding_model_id.sql
-- zava._embedding_model_id(): finds a model whose vectors are kept. Locks nothing.
create or replace function zava._embedding_model_id(
    p_name text
)
returns smallint
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint;
begin
    select m.model_id
    into v_model_id
    from retail.embedding_models as m
    where m.name = p_name and m.state <> 'retired';

    if v_model_id is null then
        raise exception 'unknown embedding model: %', coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'no_data_found', hint = 'Fill it with: zava-sql embed.';
    end if;
    return v_model_id;
end;
$function$;

comment on function zava._embedding_model_id(text) is
    'Id of an embedding model that is not retired.

p_name: name of the model';
revoke execute on function zava._embedding_model_id(text) from public;

-- source: db/functions/search/_few.sql
-- api._few(): how many products a search compares one by one, rather than look them up by the index of
-- all, which finds too little of what is rare: one in 25 of the catalogue; and of how many of a store
-- copies are made, with an index of their own (zava.refresh_search_assortments()): half of it; and with what
-- effort the index of all is searched, if it was not measured that of 100. Not a tool.
-- A table, for that becomes a part of the statement that asks.
create or replace function api._few()
returns table (model_id smallint, products integer, copied integer, ef_search integer)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    select
        max(m.model_id),
        coalesce(max(greatest(1500, coalesce(r.products, 100000) / 25)), 4000),
        coalesce(max(greatest(1500, coalesce(r.products, 8000) / 2)), 4000),
        coalesce(max(r.ef_search), 100)
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';
end;

comment on function api._few() is
    'The live model; up to how many products a search compares one by one; up to how many are copied; and the effort of the index of all.';
revoke execute on function api._few() from public;
grant execute on function api._few() to store_manager, regional_manager, head_office;

-- source: db/functions/search/_first_places.sql
-- api._first_places(): the places of the first bits that are set. Not a tool. Bits are looked at 512 at a
-- time: most of these have none set and are passed over; the text of others is split at each one. A table,
-- for that becomes a part of the statement that asks.
create or replace function api._first_places(
    p_bits bit varying,
    p_limit integer
)
returns table (place integer)
language sql
stable
parallel safe
security invoker
rows 20
begin atomic
    select (b.start + p.place)::integer
    from (
        select c.start, substring(p_bits from c.start + 1 for 512) as bits
        from generate_series(0, length(p_bits) - 1, 512) as c (start)
        offset 0
    ) as b
    cross join lateral (
        select sum(octet_length(g.gap) + 1) over (rows unbounded preceding) as place
        from unnest(trim_array(string_to_array(b.bits::text, '1'), 1)) as g (gap)
        offset 0
    ) as p
    where bit_count(b.bits) > 0
    limit p_limit;
end;

comment on function api._first_places(bit varying, integer) is
    'Places of the first ones in a string of bits, from 1.

p_bits: the bits
p_limit: how many places';
revoke execute on function api._first_places(bit varying, integer) from public;
grant execute on function api._first_places(bit varying, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_found_products.sql
-- api._found_products(): the two lists of a search, by meaning and by words, of what the caller's stores
-- sell. Not a tool. Whatever the caller sells is searched the quickest way that finds it. Without filters
-- that is what zava.refresh_search_assortments() took up: words by their bits, vectors in copies of what the
-- caller's stores sell, or in the index of all for head office and others who sell much of the catalogue.
-- With a category or a price up to a quarter of the catalogue is compared one by one: what these leave may
-- lie together, far from what is asked for, and the index comes upon its outskirts first.
-- What was taken up may have changed. A row of retail.inventory is marked when it is taken up, so that a
-- new one shows; and each product found is looked up there, so that one which is gone shows. In both
-- cases nothing that was taken up is used, but all looked for anew. Who looks up what it shows anyway asks
-- for what was taken up as it is, and for all anew if it meets one that is gone.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_taken boolean default null
)
returns table (product_id uuid, place bigint, similarity real, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set hnsw.ef_search = 80
as $function$
declare
    v_few integer;
    v_products bigint;
    v_largest integer;
    v_model_id smallint;
    v_stores uuid[];
    v_effort integer;
    v_effort_all integer;
    v_sold bit varying;
    v_is_copied boolean;
    v_is_hard boolean;
    v_is_taken boolean := false;
    v_is_compared boolean;
    v_among uuid[];
    v_near uuid[];
    v_similarity real[];
    v_match uuid[];
    v_coverage real[];
begin
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and p_in_stock is not true then
        select s.products, s.largest, s.stores, s.effort, s.sold, s.are_copied, s.is_hard, f.products, f.model_id,
            f.ef_search, p_taken is not false and s.are_taken
        into v_products, v_largest, v_stores, v_effort, v_sold, v_is_copied, v_is_hard, v_few, v_model_id,
            v_effort_all, v_is_taken
        from api._few() as f
        cross join (
            select coalesce(max(n.number), 0) as products from retail.search_numbers as n
        ) as n
        cross join lateral (
            select sum(t.products) as products, max(t.products) as largest,
                array_agg(t.store_id order by t.store_id) as stores,
                max(t.ef_search) filter (where t.indexed) as effort,
                -- Bits are long. Beside who sells all nobody has one more.
                bit_or(t.sold) filter (where t.most <> n.products or t.products = n.products) as sold,
                bool_and(t.copied) as are_copied,
                bool_or(t.indexed is not true and t.products > 1500) as is_hard,
                bool_and(t.sold is not null and t.model_id is not distinct from f.model_id)
                    and not exists (select from retail.inventory as i where not i.in_search) as are_taken
            from (
                select o.*, max(o.products) over () as most from retail.search_stores as o
            ) as t
        ) as s;
        if (v_is_taken and v_is_copied) is not true then
            v_effort := null;
        elsif cardinality(v_stores) > 1 and p_embedding is not null then
            select max(r.ef_search) filter (where r.indexed), v_is_hard or coalesce(bool_or(not r.indexed), false)
            into v_effort, v_is_hard
            from retail.search_regions as r
            where r.region_id = api._region_id(v_stores) and r.model_id = v_model_id;
        end if;
    else
        v_few := (select f.products from api._few() as f);
    end if;

    -- Bits of a table would be fetched anew each time that they are used, and a copy is not.
    loop
        -- What an index of its own finds too little of lies together, and the index of all would find still
        -- less; where it has yet to be built, as after a change of the model, nobody knows.
        v_is_compared := v_is_taken and v_is_copied and v_effort is null
            and v_products <= case when v_is_hard then length(v_sold) / 2 else v_few end;
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true
            or v_is_taken and p_embedding is not null and v_effort is null and not v_is_compared
                and bit_count(v_sold) <= v_few
        then
            v_among := api._sold_products(
                p_category_id, p_min_price, p_max_price, p_in_stock,
                -- What is in stock lies everywhere.
                case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 6 * v_few end
            );
        end if;
        v_near := null;
        -- Who sells all passes nothing over. There is no more than the effort, and less where rows are gone.
        if v_is_taken and v_among is null and v_effort is null and not v_is_compared
            and p_embedding is not null and bit_count(v_sold) = length(v_sold) and p_limit <= v_effort_all
        then
            if v_effort_all = 80 then
                select array_agg(n.product_id), array_agg(n.similarity)
                into v_near, v_similarity
                from api._index_all(p_embedding, p_limit) as n;
            elsif v_effort_all = 100 then
                select array_agg(n.product_id), array_agg(n.similarity)
                into v_near, v_similarity
                from api._index_all_100(p_embedding, p_limit) as n;
            end if;
        end if;
        if p_embedding is null or cardinality(v_near) = p_limit then
            null;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_compared(p_embedding, cardinality(v_stores), p_limit) as n;
        elsif v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 100 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_100(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort is not null then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_is_taken and v_among is null and v_effort_all = 80 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._index_products(p_embedding, null, null, null, false, p_limit, v_sold || '') as n;
        else
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_products(
                p_embedding, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                case when v_is_taken then v_sold || '' end
            ) as n;
        end if;
        if p_query is null then
            null;
        elsif v_is_taken then
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_copied(p_query, v_sold || '', p_limit) as m;
        else
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_products(
                p_query, case when cardinality(v_among) <= v_few then v_among end, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                least(v_largest / (25.0 * v_few), 1)::real
            ) as m;
        end if;

        exit when v_is_taken is not true or p_taken;
        exit when not exists (
            select
            from unnest(v_near || v_match) as u (product_id)
            where not exists (
                select from retail.inventory as i where i.product_id = u.product_id
            )
        );
        v_is_taken := false;
        v_effort := null;
    end loop;

    return query
    select n.product_id, n.place, n.similarity, null::real
    from unnest(v_near, v_similarity) with ordinality as n (product_id, similarity, place)
    union all
    select m.product_id, m.place, null, m.coverage
    from unnest(v_match, v_coverage) with ordinality as m (product_id, coverage, place);
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists.

p_embedding: the vector, of length 1 and of the live model; null for words only
p_query: the text; null for meaning only
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products in each list
p_taken: true for what search has taken up as it is, false for all anew, null for what is still sold of it';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_has_embedding_index.sql
-- zava._has_embedding_index(): whether the vectors of a model are indexed. Read from the catalogue
-- and not by to_regclass(), which may not have heard yet of what another session has just built.
create or replace function zava._has_embedding_index(
    p_model_id smallint
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select exists (
        select
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_index as i on i.indexrelid = c.oid
        where n.nspname = 'retail'
            and c.relname = format('product_embeddings_%s_embedding_idx', p_model_id)
            and i.indisvalid
    );
end;

comment on function zava._has_embedding_index(smallint) is
    'Whether the vectors of a model are indexed.

p_model_id: id of the model';
revoke execute on function zava._has_embedding_index(smallint) from public;

-- source: db/functions/search/_index_all.sql
-- api._index_all(): the products of the catalogue nearest to a vector, by the index of the live model, for who
-- sells all of it. Not a tool. As nothing is passed over, the index need not be able to go on where it ends, which
-- takes longer; but rows that are gone may still be in it, so that whoever finds fewer than asked for looks anew.
-- PostgreSQL only takes an index of vectors of a length that is written down. That of the local model is, and the
-- statement planned once; not beside vectors of another model: a plan for both would have to sort those, and sort
-- all. hnsw.ef_search is its caller's.
create or replace function api._index_all(
    p_embedding vector,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
    v_is_only boolean;
begin
    select max(m.model_id) filter (where m.state = 'live'), max(m.dimensions) filter (where m.state = 'live'),
        count(*) = 1
    into v_model_id, v_dimensions, v_is_only
    from retail.embedding_models as m
    where m.state <> 'retired';

    if v_is_only and v_dimensions = 384 then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, 384) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    else
        return query execute format(
            'select x.product_id, -x.distance::real
            from (
                select e.product_id, api._stored_distance(e.embedding, $1, %2$s) as distance
                from retail.product_embeddings as e
                where e.model_id = %1$s
                order by distance
                limit $2
            ) as x
            order by 2 desc, 1',
            v_model_id, v_dimensions
        )
        using v_unit, p_limit;
    end if;
end;
$function$;

comment on function api._index_all(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products';
revoke execute on function api._index_all(vector, integer) from public;
grant execute on function api._index_all(vector, integer) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_all_100.sql
-- api._index_all_100(): api._index_all() with hnsw.ef_search = 100, for an index that finds enough with that; a
-- setting of a function is a constant. Not a tool.
create or replace function api._index_all_100(
    p_embedding vector,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity from api._index_all(p_embedding, p_limit) as n;
end;
$function$;

comment on function api._index_all_100(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products';
revoke execute on function api._index_all_100(vector, integer) from public;
grant execute on function api._index_all_100(vector, integer) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products.sql
-- api._index_products(): follows the index of the live model from near to far until enough products
-- are found that the caller's stores sell; a bit, if bits of what they sell are given, or else
-- row-level security decides about each on the way. Not a tool. Where all bits are set none is looked at:
-- what has come since has no bit, and whoever gives bits looks up what is found.
-- Settings belong to the function, for a tenant cannot set any: an iterative scan goes on where a plain
-- one would stop with too few, and who may not sort has to follow the index. Each costs more
-- time than to look at many rows, so that there is none without need. hnsw.ef_search is its caller's.
-- What an iterative scan gives is not quite in order: all is sorted once more.
-- What is sold is asked for by its limit, which keeps it from being joined: PostgreSQL expects next to
-- nothing of filters under row-level security, and would compare each product with all that they leave.
-- The model's number and length are written into the statement, so that a plan touches its partition
-- and its index alone.
-- PostgreSQL knows hnsw.* once the extension is loaded, as it is by the default of a parameter of
-- api._checked_embedding(), which is created before this.
create or replace function api._index_products(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.iterative_scan = relaxed_order
set hnsw.max_scan_tuples = 40000
set enable_sort = off
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
begin
    select m.model_id, m.dimensions
    into v_model_id, v_dimensions
    from retail.embedding_models as m
    where m.state = 'live';

    if bit_count(p_sold) = length(p_sold) then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, v_dimensions) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    elsif p_sold is not null then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, v_dimensions) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
                and get_bit(p_sold, (
                    select n.number from retail.search_numbers as n where n.product_id = e.product_id
                ) - 1) = 1
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    else
        return query execute format(
            'select x.product_id, -x.distance::real
            from (
                select e.product_id, api._stored_distance(e.embedding, $1, %2$s) as distance
                from retail.product_embeddings as e
                where e.model_id = %1$s
                    and (select true from %3$s and i.product_id = e.product_id limit 1)
                order by distance
                limit $2
            ) as x
            order by 2 desc, 1',
            v_model_id, v_dimensions,
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
        )
        using v_unit, p_limit;
    end if;
end;
$function$;

comment on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products_100.sql
-- api._index_products_100(): api._index_products() with hnsw.ef_search = 100, for an index that finds
-- enough with that; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_100(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with less care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_100(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products_150.sql
-- api._index_products_150(): api._index_products() with hnsw.ef_search = 150, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_150(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 150
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with a little more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_150(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products_200.sql
-- api._index_products_200(): api._index_products() with hnsw.ef_search = 200, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_200(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 200
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products_400.sql
-- api._index_products_400(): api._index_products() with hnsw.ef_search = 400, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_400(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 400
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
    ) as n;
end;
$function$;

comment on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_is_live_model.sql
-- api._is_live_model(): whether search uses a model. Not a tool. Asked in the statement that searches, by
-- whoever gives it a vector: the model may have changed since that was made.
create or replace function api._is_live_model(
    p_model text
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select exists (
        select from retail.embedding_models as m where m.name = p_model and m.state = 'live'
    );
end;

comment on function api._is_live_model(text) is
    'Whether search uses a model.

p_model: name of the model';
revoke execute on function api._is_live_model(text) from public;
grant execute on function api._is_live_model(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_is_one_slip.sql
-- api._is_one_slip(): whether a word is another one with a letter too many, too few or wrong, or with two
-- neighbours in each other's place: what most typing errors are. Not a tool. Words that differ in one place
-- are the same before and behind it.
create or replace function api._is_one_slip(
    p_word text,
    p_other text
)
returns boolean
language sql
immutable
parallel safe
security invoker
begin atomic
    select w.longer - w.shorter <= 1
        and (
            s.before + s.behind >= w.longer - 1
            or w.longer = w.shorter
            and s.before + s.behind = w.longer - 2
            and substr(p_word, s.before + 1, 2) = reverse(substr(p_other, s.before + 1, 2))
        )
    from (
        select greatest(length(p_word), length(p_other)) as longer,
            least(length(p_word), length(p_other)) as shorter
    ) as w
    cross join lateral (
        select (count(*) filter (where left(p_word, n) = left(p_other, n)))::integer as before,
            count(*) filter (where right(p_word, n) = right(p_other, n)) as behind
        from generate_series(1, w.shorter) as n
    ) as s;
end;

comment on function api._is_one_slip(text, text) is
    'Whether one typing error makes another word of a word.

p_word: the word
p_other: the other one';
revoke execute on function api._is_one_slip(text, text) from public;
grant execute on function api._is_one_slip(text, text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_copied.sql
-- api._matching_copied(): the products that have most of the words of a search, by what was counted when
-- search was refreshed. Not a tool. A word has a bit for each product of the catalogue, and so has what
-- the caller sells: combinations of the six rarest words are made of these bits, and products taken of
-- the best ones until there are enough or none is left; the other words come last. No product is read but
-- those that are best. Among equals, of which there may be thousands, those that have the words in their
-- names go first, then those of the shortest texts, which have the lowest numbers. What a word is worth
-- counts by two thirds if it is not in the name: a description names what goes with the product as well.
create or replace function api._matching_copied(
    p_query text,
    p_sold bit varying,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_queries tsquery[];
    v_weights real[];
    v_any_word tsquery;
    v_total real;
    v_lexemes text[];
    v_places bit varying[];
    v_is_all constant boolean := bit_count(p_sold) = length(p_sold);
    v_words integer;
    -- A set of words is a number: 1 for the first, 2 for the second, 3 for both.
    v_set integer;
    v_hits bit varying[];
    v_worths real[];
    v_hit bit varying;
    v_left bit varying := p_sold;
    v_number bigint;
    v_room bigint := p_limit;
    v_named bit varying;
    v_some bit varying;
begin
    select a.words, a.weights, a.any_word, a.total, a.lexemes, a.places
    into v_queries, v_weights, v_any_word, v_total, v_lexemes, v_places
    from api._asked_words(p_query) as a;
    if v_queries is null then
        return;
    end if;
    v_words := least(cardinality(v_places), 6);
    v_worths := array_fill(null::real, array[(1 << v_words) - 1]);

    for v_word in 1 .. v_words loop
        for v_others in 0 .. (1 << v_word - 1) - 1 loop
            v_set := v_others + (1 << v_word - 1);
            v_hit := case
                when v_others > 0 then v_hits[v_others] & v_places[v_word]
                when v_is_all then v_places[v_word]
                else p_sold & v_places[v_word]
            end;
            if bit_count(v_hit) > 0 then
                v_hits[v_set] := v_hit;
                v_worths[v_set] := v_weights[v_word] + coalesce(v_worths[v_others], 0);
            end if;
        end loop;
    end loop;

    foreach v_set in array array(
        select s.chosen
        from unnest(v_worths) with ordinality as s (worth, chosen)
        where s.worth is not null
        order by s.worth desc, s.chosen
    )
    loop
        v_hit := case when v_room = p_limit then v_hits[v_set] else v_left & v_hits[v_set] end;
        v_number := bit_count(v_hit);
        continue when v_number = 0;

        if v_number > v_room then
            v_named := (
                select v_hit & bit_and(l.named)
                from unnest(v_lexemes[: v_words]) with ordinality as w (lexeme, place)
                join retail.search_lexemes as l on l.lexeme = w.lexeme
                where v_set >> (w.place - 1)::integer & 1 = 1
            );
            v_some := case when bit_count(v_named) < v_room then v_hit # v_named else '' end;
            exit;
        end if;
        v_room := v_room - v_number;
        v_left := v_left # v_hit;
        exit when v_room = 0;
    end loop;
    if v_some is null and cardinality(v_places) > 6 then
        v_some := v_left & (select bit_or(w.places) from unnest(v_places[7:]) as w (places));
    end if;

    return query
    select n.product_id, ((2 * w.worth + w.named) / (3 * v_total))::real
    from retail.search_numbers as n
    cross join lateral (
        select coalesce(sum(q.weight) filter (where n.search_words @@ q.query), 0) as worth,
            coalesce(sum(q.weight) filter (where a.words @@ q.query), 0) as named
        from (select ts_filter(n.search_words, '{a}') as words offset 0) as a
        cross join unnest(v_queries, v_weights) as q (query, weight)
    ) as w
    where n.number = any (array(
        select p.place
        from unnest(
            array[p_sold # v_left, v_named, v_some],
            array[p_limit, v_room, v_room - coalesce(bit_count(v_named), 0)]
        ) as f (bits, room)
        cross join lateral api._first_places(f.bits, f.room::integer) as p
        where f.room > 0 and bit_count(f.bits) > 0
    ))
    order by w.worth desc, w.named desc, ts_rank(n.search_words, v_any_word, 1) desc, n.product_id
    limit p_limit;
end;
$function$;

comment on function api._matching_copied(text, bit varying, integer) is
    'Of products given by their numbers in retail.search_numbers those that share most words with a search, with the share of its worth, of which a third is for names.

p_query: text of the search
p_sold: a bit for each number
p_limit: number of products';
revoke execute on function api._matching_copied(text, bit varying, integer) from public;
grant execute on function api._matching_copied(text, bit varying, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_products.sql
-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Of a word that is not in the name two thirds are covered: a description names what goes with
-- the product as well.
-- Where few products are to be searched, each that has any word is weighed. Else those that have the
-- best combinations of words are looked up; as long as others could still be among the first ten,
-- those that have the next best.
create or replace function api._matching_products(
    p_query text,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_share real default 1
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_asked record;
    v_looked_for tsquery;
    v_surer tsquery;
    v_named tsquery;
    v_rest real := 0;
    -- Of what is looked up, the caller sells this share.
    v_aim real := 30 / greatest(p_share, 0.03);
    v_found uuid[];
    v_worth real[];
begin
    select a.* into v_asked from api._asked_words(p_query) as a;
    if v_asked.words is null then
        return;
    end if;
    -- Any of the words, in a name.
    v_named := regexp_replace(v_asked.any_word::text, '''(''''|[^''])*''', '\&:A', 'g');

    loop
        if p_products is not null then
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    from unnest(p_products) as u (product_id)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.product_id = u.product_id
                        offset 0
                    ) as x
                    where x.search_words @@ v_asked.any_word
                    order by worth desc
                    fetch first p_limit rows with ties
                ) as y
                order by place
                limit p_limit
            ) as z;
        else
            select c.query, c.surer, c.rest into v_looked_for, v_surer, v_rest
            from api._word_combinations(
                v_asked.words, v_asked.weights, v_asked.products, v_aim
            ) as c;
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    -- Many have the last combination: they shall not crowd out the few with a better one, nor
                    -- those that have a word in their names.
                    from (
                        values (v_surer && v_named, null),
                            (v_surer, v_surer && v_named),
                            (v_looked_for && v_named, v_surer),
                            (v_looked_for, coalesce(v_surer, '') || (v_looked_for && v_named))
                    ) as q (query, done)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.search_words @@ q.query
                            and (q.done is null or not p.search_words @@ q.done)
                            and (p_category_id is null or p.category_id = p_category_id)
                            and exists (
                                select
                                from retail.inventory as i
                                where i.product_id = p.product_id
                                    and (p_min_price is null or i.price >= p_min_price)
                                    and (p_max_price is null or i.price <= p_max_price)
                                    and (p_in_stock is not true or i.stock_level > 0)
                            )
                        limit 5000
                    ) as x
                    limit 10000
                ) as y
                order by place
                limit p_limit
            ) as z;
        end if;
        exit when v_rest <= coalesce(v_worth[least(p_limit, 10)], 0);
        v_aim := v_aim * 8;
    end loop;

    return query
    select f.product_id,
        ((2 * f.worth + api._worth(
            ts_filter(p.search_words, '{a}'), v_asked.words, v_asked.weights
        )) / (3 * v_asked.total))::real
    from unnest(v_found, v_worth) with ordinality as f (product_id, worth, place)
    join retail.products as p on p.product_id = f.product_id
    order by f.place;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real) is
    'Products by the words that they share with a search, the most first, with the share of its worth, of which a third is for names.

p_query: text of the search
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_share: share of the catalogue that the caller sells';
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
    from public;
grant execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_name_parts.sql
-- api._name_parts(): a name in one word as the two words that products have in their names, light bulb for
-- lightbulb. Not a tool. It stays one if no product has both: most words that are unknown are misspelled.
create or replace function api._name_parts(
    p_word text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select left(p_word, n.place) || ' ' || substr(p_word, n.place + 1)
    from generate_series(3, length(p_word) - 3) as n (place)
    cross join lateral (
        select k.named
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', left(p_word, n.place)))[1]
        offset 0
    ) as a
    cross join lateral (
        select bit_count(k.named & a.named) as products
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', substr(p_word, n.place + 1)))[1]
        offset 0
    ) as b
    where b.products > 0
    order by b.products desc, n.place
    limit 1;
end;

comment on function api._name_parts(text) is
    'A word as two that are both in the name of a product; null when there is none.

p_word: a word that no product has';
revoke execute on function api._name_parts(text) from public;
grant execute on function api._name_parts(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_compared.sql
-- api._nearest_compared(): the products nearest to a vector of all that is copied of the caller's stores, all of
-- which are compared. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which
-- row-level security decides what is read; api._found_products() has seen that the copies are complete and of
-- the live model. What several stores sell is there several times.
create or replace function api._nearest_compared(
    p_embedding vector,
    p_stores integer,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
begin
    return query
    select distinct on (n.similarity, n.product_id) n.product_id, n.similarity
    from (
        select c.product_id, c.similarity
        from (
            select a.product_id, api._similarity(a.embedding, v_unit) as similarity
            from retail.search_assortments as a
            offset 0
        ) as c
        order by c.similarity desc nulls last, c.product_id
        limit p_limit * p_stores
    ) as n
    where n.similarity is not null
    order by n.similarity desc, n.product_id
    limit p_limit;
end;
$function$;

comment on function api._nearest_compared(vector, integer, integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, all being compared.

p_embedding: the vector, of length 1 and of the live model
p_stores: how many stores these are
p_limit: number of products';
revoke execute on function api._nearest_compared(vector, integer, integer) from public;
grant execute on function api._nearest_compared(vector, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied.sql
-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, which has
-- an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level
-- security decides what is read; api._found_products() has seen that the copies are complete and of the live
-- model. PostgreSQL only knows the index to be right by a condition whose values it sees, so that the statement
-- is planned each time, as any other would be here: the model is the caller's to look up. The index of several
-- stores is one of zava._region_vector(). What these sell is there several times. hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_sort = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_dimensions constant integer := cardinality(p_embedding::real[]);
    v_near record;
    v_found uuid[] := '{}';
    v_similarity real[] := '{}';
begin
    if cardinality(p_stores) = 1 then
        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_stores[1] and a.model_id = p_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    for v_near in
        select a.product_id, api._region_distance(a.embedding, v_unit, v_dimensions) as distance
        from retail.search_assortments as a
        where a.store_id = any (p_stores) and a.model_id = p_model_id
        order by distance
        limit p_limit * cardinality(p_stores)
    loop
        exit when v_near.distance is null;
        if v_near.product_id <> all (v_found) then
            v_found := v_found || v_near.product_id;
            v_similarity := v_similarity || -v_near.distance::real;
        end if;
        exit when cardinality(v_found) = p_limit;
    end loop;
    return query
    select u.product_id, u.similarity
    from unnest(v_found, v_similarity) as u (product_id, similarity)
    order by 2 desc, 1;
end;
$function$;

comment on function api._nearest_copied(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, by its index.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_100.sql
-- api._nearest_copied_100(): api._nearest_copied() with hnsw.ef_search = 100, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_100(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_100(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_100(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_100(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_1000.sql
-- api._nearest_copied_1000(): api._nearest_copied() with hnsw.ef_search = 1000, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_1000(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 1000
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_1000(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_1000(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_1000(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_200.sql
-- api._nearest_copied_200(): api._nearest_copied() with hnsw.ef_search = 200, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_200(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 200
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_200(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_200(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_200(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_400.sql
-- api._nearest_copied_400(): api._nearest_copied() with hnsw.ef_search = 400, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_400(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 400
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_400(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_400(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_400(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_products.sql
-- api._nearest_products(): the products whose vectors are nearest to one. Not a tool.
-- Few products are compared one by one: exact. Among many the index is followed, with the ef_search
-- that zava.check_search_recall() has found to be enough for it; with a category or a price with the most,
-- for what these leave may lie together, far from what is asked for.
create or replace function api._nearest_products(
    p_embedding vector,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 80
as $function$
declare
    v_model record;
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
begin
    select
        m.model_id,
        case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 400 else r.ef_search end
            as ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, v_unit) as similarity
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id and e.product_id = any (p_products)
        order by similarity desc, e.product_id
        limit p_limit;
    elsif v_model.ef_search = 400 then
        return query
        select n.product_id, n.similarity
        from api._index_products_400(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 200 then
        return query
        select n.product_id, n.similarity
        from api._index_products_200(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 150 then
        return query
        select n.product_id, n.similarity
        from api._index_products_150(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 80 then
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products_100(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    end if;
end;
$function$;

comment on function
    api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products by the similarity of their vectors to one, the nearest first.

p_embedding: the vector, of length 1 and of the live model
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold; null to look it up';
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_word.sql
-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. One that is a single slip away comes first, and is taken though it shares few trigrams: two
-- letters that changed places break four of them. In words of four letters any slip makes another word.
-- What shares just half is rather the beginning of another word: need of needle, tank of tan. Of spellings
-- that are nearly as near, the one that more products have.
-- Trigrams are an extension, in a schema that is not known before; without it nothing is repaired.
create or replace function api._nearest_word(
    p_word text
)
returns table (lexeme text, weight numeric, products integer)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm'
    );
    -- Of five or six letters these share so few trigrams with the word that the index does not show it.
    v_swapped constant text[] := array(
        select overlay(p_word placing reverse(substr(p_word, n, 2)) from n for 2)
        from generate_series(1, length(p_word) - 1) as n
    );
begin
    -- Numbers are sizes: another number is another thing.
    if v_schema is null or length(p_word) < 4 or p_word ~ '[0-9]' then
        return;
    end if;

    return query execute format(
        'select w.lexeme, w.weight, w.products
        from retail.search_words as w
        cross join lateral (
            select %1$I.similarity(w.word, $1) as similarity,
                length($1) > 4 and api._is_one_slip($1, w.word) as is_slip
        ) as n
        where (w.word operator(%1$I.%%) $1 or w.word = any ($2)) and (n.is_slip or n.similarity > 0.5)
        order by n.is_slip desc, n.similarity + ln(w.products) / 50 desc, w.word
        limit 1',
        v_schema
    )
    using p_word, v_swapped;
end;
$function$;

comment on function api._nearest_word(text) is
    'The word of the catalogue with the nearest spelling; nothing when none is near, or for a number.

p_word: a word that no product has';
revoke execute on function api._nearest_word(text) from public;
grant execute on function api._nearest_word(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_offer.sql
-- api._offer(): what the caller's stores ask for a product and have of it. Not a tool.
create or replace function api._offer(
    p_product_id uuid,
    p_stores uuid[] default null
)
returns table (price numeric, stock_level bigint, in_stock_at text)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    select min(i.price), sum(i.stock_level),
        string_agg(s.store_key, ', ' order by s.store_key) filter (where i.stock_level > 0)
    from retail.inventory as i
    join retail.stores as s on s.store_id = i.store_id
    where i.product_id = p_product_id and (p_stores is null or i.store_id = any (p_stores));
end;

comment on function api._offer(uuid, uuid[]) is
    'Lowest price, pieces on hand and stores that have some, among the stores of the caller; nulls when none sells it.

p_product_id: the product
p_stores: only these stores; null for all that the caller sees';
revoke execute on function api._offer(uuid, uuid[]) from public;
grant execute on function api._offer(uuid, uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_product_embedding.sql
-- api._product_embedding(): the vector of a product by the live model, or null. Not a tool.
create or replace function api._product_embedding(
    p_product_id uuid
)
returns vector
language sql
stable
parallel safe
security invoker
begin atomic
    select e.embedding::vector
    from retail.product_embeddings as e
    where e.model_id = (select m.model_id from retail.embedding_models as m where m.state = 'live')
        and e.product_id = p_product_id;
end;

comment on function api._product_embedding(uuid) is
    'Vector of a product by the live model; null when it has none yet.

p_product_id: the product';
revoke execute on function api._product_embedding(uuid) from public;
grant execute on function api._product_embedding(uuid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_product_id.sql
-- api._product_id(): id of a product by its article number, in any case. Not a tool.
-- The catalogue is shared by all stores: that a product is in it tells nothing of any of them.
create or replace function api._product_id(
    p_sku text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Two may differ in case alone: then the one that is written so.
    v_product_id constant uuid := (
        select p.product_id
        from retail.products as p
        where upper(p.sku) = upper(btrim(p_sku))
        order by p.sku = btrim(p_sku) desc, p.sku
        limit 1
    );
begin
    if v_product_id is null then
        raise exception 'there is no product with article number %', coalesce(left(p_sku, 60), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'api.search_products() finds article numbers (sku).';
    end if;

    return v_product_id;
end;
$function$;

comment on function api._product_id(text) is
    'Id of a product; an error when no product has this article number.

p_sku: article number in any case, for example HT-HAM-001';
revoke execute on function api._product_id(text) from public;
grant execute on function api._product_id(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_query_words.sql
-- api._query_words(): the words of a search, each with what it is worth. Not a tool.
-- The rarer a word is in the catalogue, the more it says. A word that no product has is repaired by
-- the spelling that is nearest to it; if there is none it stays, so that a question of many such
-- words covers little of any product. Where a word is found is not read unless the caller uses it.
create or replace function api._query_words(
    p_query text
)
returns table (lexeme text, repaired text, weight numeric, products integer, places bit varying)
language sql
stable
parallel restricted
security invoker
rows 5
begin atomic
    select l.lexeme, r.lexeme,
        coalesce(d.weight, 0.8 * r.weight, max(d.weight) over (), 1),
        coalesce(d.products, r.products, 0), coalesce(d.places, r.places)
    from (
        select u.lexeme
        from unnest(to_tsvector('pg_catalog.english', p_query)) as u
        order by u.positions[1]
        limit 32
    ) as l
    left join lateral (
        select k.weight, k.products, k.places
        from retail.search_lexemes as k
        where k.lexeme = l.lexeme
        offset 0
    ) as d on true
    left join lateral (
        select k.lexeme, k.weight, k.products, k.places
        from (
            select min(w.lexeme) as word
            from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
            where d.weight is null
                and l.lexeme = any (tsvector_to_array(to_tsvector('pg_catalog.english', w.lexeme)))
            having min(w.lexeme) is not null
        ) as s
        cross join lateral api._nearest_word(s.word) as n
        cross join lateral (
            select k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = n.lexeme
            offset 0
        ) as k
    ) as r on true;
end;

comment on function api._query_words(text) is
    'Words of a search, the spelling that an unknown one is taken for, what each is worth, in how many products it is, and in which, a bit for each number in retail.search_numbers.

p_query: text of the search';
revoke execute on function api._query_words(text) from public;
grant execute on function api._query_words(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_region_vector.sql
-- zava._region_vector(): a vector as it is. Not a tool. The index over the copies of several stores is one of this
-- function, so that who may not call it, as stores and the text of agents, never follows that index: it looks at
-- so many of the nearest rows and no further, and row-level security takes away what is not the caller's, so
-- that how many are left would tell a store what its neighbours sell. PL/pgSQL, for PostgreSQL would put the
-- body of SQL in its place. A condition of the index would not do: PostgreSQL never calls what the index implies.
create or replace function zava._region_vector(
    p_vector halfvec
)
returns halfvec
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return p_vector;
end;
$function$;

comment on function zava._region_vector(halfvec) is
    'A vector as the index of what several stores sell has it.

p_vector: vector of a product';
revoke execute on function zava._region_vector(halfvec) from public;
grant execute on function zava._region_vector(halfvec) to regional_manager, head_office, zava_writer;

-- source: db/functions/search/_region_distance.sql
-- api._region_distance(): how far a stored vector is from one of length 1, written as the index over the copies of
-- several stores has it, so that PostgreSQL follows that: of zava._region_vector(), which a store may not call.
-- Not a tool.
create or replace function api._region_distance(
    p_stored halfvec,
    p_unit halfvec,
    p_dimensions integer
)
returns double precision
language sql
immutable
parallel safe
security invoker
begin atomic
    select halfvec(zava._region_vector(p_stored), p_dimensions, true) <#> halfvec(p_unit, p_dimensions, true);
end;

comment on function api._region_distance(halfvec, halfvec, integer) is
    'Negative inner product of two vectors, written as the indexes of what several stores sell are.

p_stored: vector of a product
p_unit: vector of a query
p_dimensions: dimensions of both';
revoke execute on function api._region_distance(halfvec, halfvec, integer) from public;
grant execute on function api._region_distance(halfvec, halfvec, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_region_id.sql
-- api._region_id(): what several stores together are called in retail.search_regions. Not a tool. Made of
-- their ids, so that nobody has to be told which others there are.
create or replace function api._region_id(
    p_stores uuid[]
)
returns uuid
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(substr(sha256(p_stores::text::bytea), 1, 16), 'hex')::uuid;
end;

comment on function api._region_id(uuid[]) is
    'Id of a region, which is nothing but its stores.

p_stores: ids of its stores, in their order';
revoke execute on function api._region_id(uuid[]) from public;
grant execute on function api._region_id(uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_search_indexes.sql
-- zava._search_indexes(): the indexes that search wants of what stores sell: one for each store, and for the
-- stores of each principal that has several, if all of it is copied, and is more than can be compared one by
-- one but no more than half of the catalogue. An index of several stores is over the copies of each of them,
-- and what some of them sell alike is in it once (pgvector keeps equal vectors together).
create or replace function zava._search_indexes()
returns table (index_id uuid, stores uuid[], products bigint, model_id smallint, is_due boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select n.index_id, n.stores, c.products, c.model_id,
        case
            when cardinality(n.stores) = 1 then c.is_due
            else r.is_known is not true or r.changed > c.products / 10
        end
    from (
        select s.store_id as index_id, array[s.store_id] as stores
        from retail.search_stores as s
        union all
        select api._region_id(g.stores), g.stores
        from (
            select distinct array_agg(s.store_id order by s.store_id) as stores
            from zava.principals as p
            join zava.principal_stores as o on o.principal_id = p.principal_id
            join retail.search_stores as s on s.store_id = o.store_id
            where p.active
            group by p.principal_id
            having count(*) > 1
        ) as g
    ) as n
    cross join lateral (
        select bit_count(bit_or(s.sold)) as products, max(s.model_id) as model_id, bool_and(s.copied) as copied,
            bool_or(s.indexed is null or s.ef_search is null or s.changed > s.products / 10) as is_due
        from retail.search_stores as s
        where s.store_id = any (n.stores)
    ) as c
    cross join lateral (
        select bool_and(r.model_id = c.model_id) as is_known, sum(r.changed) as changed
        from retail.search_regions as r
        where r.region_id = n.index_id
    ) as r
    cross join api._few() as f
    where c.copied and c.products > 1500 and (cardinality(n.stores) = 1 or c.products <= f.copied);
end;

comment on function zava._search_indexes() is
    'Indexes of what stores, and the stores of regions, sell: of which stores, how many products, of which model, and whether one is to be built or measured again.';
revoke execute on function zava._search_indexes() from public;

-- source: db/functions/search/_similarity.sql
-- api._similarity(): cosine of two vectors of length 1. Not a tool. Bound at creation, so that callers
-- need not know in which schema the extension is. Both are of the type that is stored: to convert one
-- takes longer than to compare it, and would be done anew for each product.
create or replace function api._similarity(
    p_stored halfvec,
    p_unit halfvec
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select -(p_stored <#> p_unit)::real;
end;

comment on function api._similarity(halfvec, halfvec) is
    'Cosine of two vectors of length 1.

p_stored: vector of a product
p_unit: vector of a query';
revoke execute on function api._similarity(halfvec, halfvec) from public;
grant execute on function api._similarity(halfvec, halfvec)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_similarity_to.sql
-- api._similarity_to(): how near a product is to a vector. Not a tool. For the few that were found by words
-- alone, where a search asks for a smallest similarity. Its cost is written down as small: a statement
-- that may call it, and mostly does not, shall keep its plan.
create or replace function api._similarity_to(
    p_product_id uuid,
    p_unit vector
)
returns real
language plpgsql
stable
parallel restricted
security invoker
cost 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return api._similarity(api._product_embedding(p_product_id), p_unit);
end;
$function$;

comment on function api._similarity_to(uuid, vector) is
    'Cosine of the vector of a product by the live model and another one of length 1; null when it has none yet.

p_product_id: the product
p_unit: the other vector';
revoke execute on function api._similarity_to(uuid, vector) from public;
grant execute on function api._similarity_to(uuid, vector)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_products.sql
-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are compared one by one, which finds all; for many there is
-- the index.
-- Store by store: what several stores sell counts once, and one large store settles it. With a category
-- product by product instead: fewer than any store sells, and each is looked up once for all stores; unless
-- the stores sold no more than that when they were counted.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer default null
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Most searches have no filter: their plan can be kept.
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_few constant integer := (select f.products from api._few() as f);
    v_most constant integer := coalesce(p_most, v_few);
    v_store_id uuid;
    v_more uuid[];
    v_found uuid[] := '{}';
begin
    if p_category_id is not null
        and ((select sum(s.products) from retail.search_stores as s) <= 2 * v_few) is not true
    then
        execute format(
            'select array(
                select p.product_id
                from retail.products as p
                where p.category_id = $1
                    and (select true from %s and i.product_id = p.product_id limit 1)
                limit $2
            )',
            api._sold_where(null, p_min_price, p_max_price, p_in_stock)
        )
        into v_found
        using p_category_id, v_most + 1;
        if cardinality(v_found) > v_most then
            return null;
        end if;
        return v_found;
    end if;

    for v_store_id in select s.store_id from retail.stores as s order by s.store_id loop
        if v_all then
            v_more := array(
                select i.product_id
                from retail.inventory as i
                where i.store_id = v_store_id
                limit v_most + 1
            );
        else
            execute format(
                'select array(select i.product_id from %s and i.store_id = $1 limit $2)',
                api._sold_where(null, p_min_price, p_max_price, p_in_stock)
            )
            into v_more
            using v_store_id, v_most + 1;
        end if;

        if v_found = '{}' then
            v_found := v_more;
        else
            v_found := array(
                select u.product_id from unnest(v_found || v_more) as u (product_id)
                group by u.product_id
            );
        end if;
        if cardinality(v_found) > v_most then
            return null;
        end if;
    end loop;
    if p_category_id is not null then
        v_found := array(
            select p.product_id
            from unnest(v_found) as u (product_id)
            join retail.products as p on p.product_id = u.product_id
            where p.category_id = p_category_id
        );
    end if;
    return v_found;
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many are few; null for what api._few() says';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_where.sql
-- api._sold_where(): what a search looks among, as text: rows of retail.inventory as i under the
-- filters asked for. Not a tool. Row-level security narrows it to the stores of the caller.
-- Text, so that a plan is made for the filters that there are. It is made of typed values only, by
-- whoever runs it: no function takes it as an argument.
create or replace function api._sold_where(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select concat(
        'retail.inventory as i ',
        case
            when p_category_id is not null
                then 'join retail.products as c on c.product_id = i.product_id '
        end,
        'where true',
        case
            when p_category_id is not null
                then format(' and c.category_id = %L::uuid', p_category_id)
        end,
        case when p_min_price is not null then format(' and i.price >= %L::numeric', p_min_price) end,
        case when p_max_price is not null then format(' and i.price <= %L::numeric', p_max_price) end,
        case when p_in_stock then ' and i.stock_level > 0' end
    );
end;

comment on function api._sold_where(uuid, numeric, numeric, boolean) is
    'Rows of retail.inventory as i that a search looks among, as text for FROM and WHERE.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only';
revoke execute on function api._sold_where(uuid, numeric, numeric, boolean) from public;
grant execute on function api._sold_where(uuid, numeric, numeric, boolean)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_stored_distance.sql
-- api._stored_distance(): how far a stored vector is from another, as indexes have it: the less the nearer. Not
-- a tool. Bound at creation, so that callers need not know in which schema the extension is. It becomes a part
-- of the statement that asks, which an index fits where the number of dimensions is known to its plan.
create or replace function api._stored_distance(
    p_stored halfvec,
    p_unit halfvec,
    p_dimensions integer
)
returns double precision
language sql
immutable
parallel safe
security invoker
begin atomic
    select halfvec(p_stored, p_dimensions, true) <#> halfvec(p_unit, p_dimensions, true);
end;

comment on function api._stored_distance(halfvec, halfvec, integer) is
    'Negative inner product of two vectors, written as the indexes of vectors are.

p_stored: vector of a product
p_unit: vector of a query
p_dimensions: dimensions of both';
revoke execute on function api._stored_distance(halfvec, halfvec, integer) from public;
grant execute on function api._stored_distance(halfvec, halfvec, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_vector_facts.sql
-- api._vector_facts(): length, norm and direction of a vector. Not a tool. Bound at creation, so that
-- callers need not know in which schema the extension is.
create or replace function api._vector_facts(
    p_embedding vector default null
)
returns table (dimensions integer, norm double precision, unit vector)
language sql
immutable
parallel safe
security invoker
rows 1
begin atomic
    select vector_dims(p_embedding), vector_norm(p_embedding), l2_normalize(p_embedding);
end;

comment on function api._vector_facts(vector) is
    'Number of dimensions, norm, and the vector scaled to length 1.

p_embedding: the vector';
revoke execute on function api._vector_facts(vector) from public;
grant execute on function api._vector_facts(vector)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_wanted_text.sql
-- api._wanted_text(): a search without what it says shall not be: "arms" of "sofa without arms", "blue" of
-- "dog bed not blue", "white" of "paint other than white". Not a tool. By words that would find first what is not
-- wanted: most texts name what a product has. Of "not" only where no verb is denied: what "does not stick" is sold
-- as non-stick; and not in names such as forget-me-not. Three words at most, up to the next that begins something
-- else. The "but" of "hammer but not claw" and the like go with it: left behind, they would count as words that no
-- product has, and the rest for less. A text of which nothing is left stays.
create or replace function api._wanted_text(
    p_query text
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select case
        when to_tsvector('pg_catalog.english', w.wanted) = '' then p_query
        else w.wanted
    end
    from (
        select regexp_replace(
            p_query,
            '(?<!-|\m(do|does|did|can|could|will|would|should|must|may)\s+)'
            '\m((and|but|that|which|is|are)\s+)*'
            '(without|w/o|not|except(\s+for)?|excluding|other\s+than|apart\s+from)\s+'
            '((an?|any|the)\s+)?[^\s,;:.!?()]+'
            '(\s+(?!(and|at|but|by|for|from|has|have|in|is|are|of|on|or|that|to|which|with|without)\M)'
            '[^\s,;:.!?()]+){0,2}(\s+but\M)?',
            '', 'gi'
        ) as wanted
        offset 0
    ) as w;
end;

comment on function api._wanted_text(text) is
    'A search without what follows "without", "not", "except" and the like.

p_query: text of the search';
revoke execute on function api._wanted_text(text) from public;
grant execute on function api._wanted_text(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_words.sql
-- zava.refresh_search_words(): brings retail.search_words in line with the catalogue: every word of
-- its texts, the lexeme that search looks for, and what that is worth (the idf of BM25). Run by the
-- administrator when products were added or rewritten, and by zava-sql embed; not a tool.
-- What stores sell is taken up anew as well. Search works on without it, with older weights, and does
-- not repair towards words not seen yet.
create or replace function zava.refresh_search_words()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_changed bigint;
begin
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_words'));

    with found as materialized (
        select distinct w.lexeme as word
        from retail.products as p
        cross join lateral unnest(to_tsvector('simple', p.name || ' ' || p.description)) as w
    ),
    counted as (
        select l.lexeme, count(*)::integer as products
        from retail.products as p
        cross join lateral unnest(p.search_words) as l
        group by l.lexeme
    ),
    wanted as (
        -- A compound has several lexemes: the longest is its own, the others are of its parts.
        select distinct on (f.word) f.word, c.lexeme, c.products,
            round(ln(1 + (t.products - c.products + 0.5) / (c.products + 0.5)), 3) as weight
        from found as f
        cross join lateral unnest(to_tsvector('english', f.word)) as l
        join counted as c on c.lexeme = l.lexeme
        cross join (select count(*) as products from retail.products) as t
        order by f.word, length(c.lexeme) desc, c.lexeme
    ),
    removed as (
        delete from retail.search_words as s
        where not exists (select from wanted as w where w.word = s.word)
        returning 1
    ),
    written as (
        insert into retail.search_words as s (word, lexeme, products, weight)
        select w.word, w.lexeme, w.products, w.weight from wanted as w order by w.word
        on conflict (word) do update
        set lexeme = excluded.lexeme, products = excluded.products, weight = excluded.weight,
            updated_at = now()
        where (s.lexeme, s.products, s.weight)
            is distinct from (excluded.lexeme, excluded.products, excluded.weight)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    perform zava.refresh_search_lexemes();
    perform zava.refresh_search_assortments();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_words() is
    'Counts the words of the catalogue anew for search; returns how many rows of retail.search_words were written or removed.';
revoke execute on function zava.refresh_search_words() from public;

-- source: db/functions/search/_word_combinations.sql
-- api._word_combinations(): products that are worth most for a search, as a tsquery: those that have
-- the best combinations of its words, down to where about p_products are to be expected if no word
-- knew of another. surer: the same without the last of these, which alone may be in any number of products.
-- rest: what a product may be worth that has none of these. Not a tool.
-- Six words make 63 combinations; the others are weighed, not looked for.
create or replace function api._word_combinations(
    p_words tsquery[],
    p_weights real[],
    p_in integer[],
    p_products real
)
returns table (query tsquery, surer tsquery, rest real)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    with combined as (
        select c.chosen, sum(p_weights[n]) as worth,
            k.number * exp(sum(ln((p_in[n] + 0.01) / k.number))) as expected,
            string_agg(format('(%s)', p_words[n]), ' & ') as query
        from (
            -- The number of products, from what zava.refresh_search_words() made of it.
            select greatest(max(exp(w.weight) * (w.products + 0.5)), 1000) as number
            from unnest(p_weights, p_in) as w (weight, products)
        ) as k
        cross join generate_series(1, (1 << least(cardinality(p_words), 6)) - 1) as c (chosen)
        join generate_series(1, 6) as n on c.chosen & (1 << (n - 1)) > 0
        group by c.chosen, k.number
    ),
    ranked as (
        select c.query, c.worth,
            sum(c.expected) over w - c.expected as before,
            sum(c.expected) over w as with_it
        from combined as c
        window w as (order by c.worth desc, c.chosen)
    )
    select string_agg(r.query, ' | ') filter (where r.before < p_products)::tsquery,
        string_agg(r.query, ' | ') filter (where r.with_it < p_products)::tsquery,
        coalesce(max(r.worth) filter (where r.before >= p_products), 0)::real
    from ranked as r;
end;

comment on function api._word_combinations(tsquery[], real[], integer[], real) is
    'A tsquery for the best combinations of words, one without the last of them, and what is left to be found without it.

p_words: the words, the rarest first
p_weights: what each is worth
p_in: in how many products each is
p_products: how many products the combinations shall find';
revoke execute on function api._word_combinations(tsquery[], real[], integer[], real) from public;
grant execute on function api._word_combinations(tsquery[], real[], integer[], real)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_word_pairs.sql
-- api._word_pairs(): words of a search that stand side by side and that the name of a product has in one word,
-- night stand of nightstand, or 6 qt of 6qt. Not a tool. Two numbers in one are another number.
create or replace function api._word_pairs(
    p_query text
)
returns table (parts text[], joined text, places bit varying)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    select p.parts, k.lexeme, k.places
    from (
        select t.word, lead(t.word) over (order by t.place) as next
        from regexp_split_to_table(p_query, '\s+') with ordinality as t (word, place)
    ) as w
    cross join lateral (
        select tsvector_to_array(to_tsvector('pg_catalog.english', w.word || ' ' || w.next)) as parts,
            (ts_lexize('pg_catalog.english_stem', lower(w.word || w.next)))[1] as joined
    ) as p
    join retail.search_lexemes as k on k.lexeme = p.joined
    where cardinality(p.parts) = 2 and bit_count(k.named) > 0
        and not (w.word ~ '[0-9]$' and w.next ~ '^[0-9]');
end;

comment on function api._word_pairs(text) is
    'Neighbouring words of a search, with the lexeme of the one word that products have in their names for both, and in which products it is.

p_query: text of the search';
revoke execute on function api._word_pairs(text) from public;
grant execute on function api._word_pairs(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_word_query.sql
-- api._word_query(): a lexeme as a tsquery, whatever characters it is made of. Not a tool. STABLE as
-- format() is, so that it becomes a part of the statement that calls it.
create or replace function api._word_query(
    p_lexeme text
)
returns tsquery
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when p_lexeme is null then ''
        else format('''%s''', replace(replace(p_lexeme, '\', '\\'), '''', ''''''))
    end::tsquery;
end;

comment on function api._word_query(text) is
    'A lexeme as a tsquery that finds it; the empty tsquery for null.

p_lexeme: the lexeme';
revoke execute on function api._word_query(text) from public;
grant execute on function api._word_query(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_worth.sql
-- api._worth(): what the words of a product are worth for a search: the sum over those asked for that
-- it has, of which there may be twelve. Not a tool. Written out, so that a statement which weighs
-- thousands of products calls no function for each; nested, so that it ends with the last word.
create or replace function api._worth(
    p_words tsvector,
    p_queries tsquery[],
    p_weights real[]
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(p_weights[1] * (p_words @@ p_queries[1])::integer, 0)
        + case when p_weights[2] is null then 0 else p_weights[2] * (p_words @@ p_queries[2])::integer
        + case when p_weights[3] is null then 0 else p_weights[3] * (p_words @@ p_queries[3])::integer
        + case when p_weights[4] is null then 0 else p_weights[4] * (p_words @@ p_queries[4])::integer
        + case when p_weights[5] is null then 0 else p_weights[5] * (p_words @@ p_queries[5])::integer
        + case when p_weights[6] is null then 0 else p_weights[6] * (p_words @@ p_queries[6])::integer
        + case when p_weights[7] is null then 0 else p_weights[7] * (p_words @@ p_queries[7])::integer
        + case when p_weights[8] is null then 0 else p_weights[8] * (p_words @@ p_queries[8])::integer
        + case when p_weights[9] is null then 0 else p_weights[9] * (p_words @@ p_queries[9])::integer
        + case when p_weights[10] is null then 0 else p_weights[10] * (p_words @@ p_queries[10])::integer
        + case when p_weights[11] is null then 0 else p_weights[11] * (p_words @@ p_queries[11])::integer
        + case when p_weights[12] is null then 0 else p_weights[12] * (p_words @@ p_queries[12])::integer end end end end end end end end end end end;
end;

comment on function api._worth(tsvector, tsquery[], real[]) is
    'Sum of the weights of those queries that words match; of the first twelve.

p_words: words of a product
p_queries: what is asked for
p_weights: what each is worth';
revoke execute on function api._worth(tsvector, tsquery[], real[]) from public;
grant execute on function api._worth(tsvector, tsquery[], real[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/activate_embedding_model.sql
-- zava.activate_embedding_model(): lets search use another model. To readers it is one step: each
-- statement sees either the old model or the new one. The old one keeps its vectors, so that the
-- way back is as short, until it is retired. A product whose text the model refuses would keep it from
-- ever being used: whoever names such products does without them.
create or replace function zava.activate_embedding_model(
    p_name text,
    p_without uuid[] default '{}'
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_missing bigint;
begin
    -- Whoever else activates, adds or retires a model waits.
    perform from retail.embedding_models as m order by m.model_id for update;

    select count(*)
    into v_missing
    from retail.products as p
    where p.product_id <> all (coalesce(p_without, '{}'))
        and not exists (
            select
            from retail.product_embeddings as e
            where e.model_id = v_model_id and e.product_id = p.product_id
        );
    if v_missing > 0
        or to_regclass(format('retail.product_embeddings_%s_embedding_idx', v_model_id)) is null
    then
        raise exception 'model % is not ready: % products have no vector, or there is no index',
            p_name, v_missing
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Fill it first: zava-sql embed.';
    end if;

    update retail.embedding_models as m
    set state = 'building', updated_at = now()
    where m.state = 'live' and m.model_id <> v_model_id;
    update retail.embedding_models as m
    set state = 'live', updated_at = now()
    where m.model_id = v_model_id and m.state <> 'live';

    perform zava.refresh_search_assortments();
end;
$function$;

comment on function zava.activate_embedding_model(text, uuid[]) is
    'Makes a filled model the one that search uses; the one before keeps its vectors.

p_name: name of the model
p_without: products that it may lack';
revoke execute on function zava.activate_embedding_model(text, uuid[]) from public;

-- source: db/functions/search/add_embedding_model.sql
-- zava.add_embedding_model(): makes room for the vectors of a model: a partition that takes only its
-- length. Can be repeated, also at the same time. Attaching it, unlike creating it in place, lets
-- searches go on; the short lock_timeout keeps them from queueing behind this.
create or replace function zava.add_embedding_model(
    p_name text,
    p_dimensions integer
)
returns smallint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model retail.embedding_models;
    v_partition text;
begin
    if coalesce(p_name !~ '^[[:graph:]]{1,200}$', true) then
        raise exception 'not a name of an embedding model: %',
            coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use 1 to 200 characters without spaces.';
    end if;
    if coalesce(p_dimensions not between 1 and 4000, true) then
        raise exception 'vectors of % dimensions cannot be indexed', coalesce(p_dimensions, 0)
            using errcode = 'invalid_parameter_value', hint = 'Use 1 to 4000 dimensions.';
    end if;

    -- One at a time: attaching locks a table in which each of two would have inserted already.
    perform pg_advisory_xact_lock(hashtext('zava.add_embedding_model'));

    insert into retail.embedding_models (name, dimensions)
    values (p_name, p_dimensions)
    on conflict (name) do update
    set dimensions = excluded.dimensions, state = 'building', updated_at = now()
    where embedding_models.state = 'retired';

    select * into v_model from retail.embedding_models as m where m.name = p_name for update;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the vectors of model % have % dimensions, not %',
            p_name, v_model.dimensions, p_dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Give vectors of another length a model name of their own.';
    end if;

    v_partition := format('product_embeddings_%s', v_model.model_id);
    if to_regclass('retail.' || v_partition) is null then
        execute format(
            'create table retail.%1$I (
                like retail.product_embeddings including defaults,
                constraint %2$I check (model_id = %3$s and %4$I.vector_dims(embedding) = %5$s)
            )',
            v_partition,
            v_partition || '_check',
            v_model.model_id,
            (
                select n.nspname
                from pg_catalog.pg_extension as e
                join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
                where e.extname = 'vector'
            ),
            p_dimensions
        );
        execute format('alter table retail.%I owner to zava_owner', v_partition);
        execute format(
            'alter table retail.product_embeddings attach partition retail.%I for values in (%s)',
            v_partition,
            v_model.model_id
        );
    end if;
    return v_model.model_id;
end;
$function$;

comment on function zava.add_embedding_model(text, integer) is
    'Makes room for the vectors of a model beside those of others, and gives its id.

p_name: name of the model
p_dimensions: length of its vectors';
revoke execute on function zava.add_embedding_model(text, integer) from public;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 80, 100, 150, 200 and 400 that finds 99 of 100 (80 only for
-- 99.5), or the most if none does. Search uses it from then on. Run by the administrator after an index was
-- built; not a tool. Reads every vector as often as the sample is large, once; of a small sample one small
-- part of the catalogue to which the index does not lead would be missing, or weigh as much as several.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy. Of
-- products with one text any is as near as another, so that distances are compared, and not products: they
-- pass through texts, which have to name them exactly. Who may not sort has to follow the index, as searches do:
-- of few products PostgreSQL would rather compare all, and find all. On 16 that looks so dear that it would
-- compile.
create or replace function zava.check_search_recall(
    p_sample integer default 200
)
returns table (model text, ef_search integer, recall numeric, advice text)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set hnsw.iterative_scan = off
set enable_sort = off
set jit = off
set extra_float_digits = 1
as $function$
declare
    v_model record;
    v_ef_search integer;
    v_recall numeric;
    v_asked text[];
    v_nearest text[];
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    if p_sample is null or p_sample not between 1 and 1000 then
        raise exception 'p_sample out of range: %', coalesce(p_sample::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use a number from 1 to 1000.';
    end if;

    for v_model in
        select m.model_id, m.name, m.dimensions
        from retail.embedding_models as m
        where m.state <> 'retired'
            and to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null
        order by m.model_id
    loop
        execute format(
            'with sample as materialized (
                select e.embedding, lead(e.embedding) over (order by e.place) as other
                from (
                    select e.embedding, sha256(e.product_id::text::bytea) as place
                    from retail.product_embeddings as e
                    where e.model_id = %2$s
                    order by place
                    limit $1 + 1
                ) as e
            ),
            asked as materialized (
                select %1$I.l2_normalize(
                    s.embedding operator(%1$I.+) s.embedding operator(%1$I.+) s.other
                ) as v
                from sample as s
                where s.other is not null
            ),
            compared as (
                select a.v, array(
                    select (e.embedding operator(%1$I.<#>) a.v) + 0 as distance
                    from retail.product_embeddings as e
                    where e.model_id = %2$s
                    order by distance
                    limit 10
                ) as nearest
                from asked as a
            )
            select array_agg(c.v::text), array_agg(c.nearest::text) from compared as c',
            v_schema, v_model.model_id
        )
        into v_asked, v_nearest
        using p_sample;

        recall := null;
        foreach v_ef_search in array array[80, 100, 150, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', v_ef_search);
            execute format(
                'with asked as materialized (
                    select a.v::%1$I.halfvec(%3$s) as v, a.nearest::double precision[] as nearest
                    from unnest($1, $2) as a (v, nearest)
                ),
                compared as materialized (
                    select a.nearest, array(
                        select e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) a.v as distance
                        from retail.product_embeddings as e
                        where e.model_id = %2$s
                        order by distance
                        limit 10
                    ) as found
                    from asked as a
                )
                select round(avg(n.hits / cardinality(c.nearest)::numeric), 3)
                from compared as c
                cross join lateral (
                    select count(*) as hits
                    from unnest(c.found) as u (distance)
                    where u.distance <= c.nearest[cardinality(c.nearest)]
                ) as n
                where cardinality(c.nearest) > 0',
                v_schema, v_model.model_id, v_model.dimensions
            )
            into v_recall
            using v_asked, v_nearest;
            -- More effort that finds no more is not worth it.
            if recall is null or v_recall > recall then
                ef_search := v_ef_search;
                recall := v_recall;
            end if;
            -- The least effort leaves the most to chance.
            exit when recall >= case when v_ef_search = 80 then 0.995 else 0.99 end;
        end loop;
        continue when recall is null;

        model := v_model.name;
        advice := case
            when recall < 0.99 then 'The index finds too little: build it anew, with a larger m.'
        end;
        insert into retail.search_recall as r (model_id, ef_search, recall, products)
        select v_model.model_id, check_search_recall.ef_search, check_search_recall.recall, count(*)
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id
        on conflict (model_id) do update
        set ef_search = excluded.ef_search, recall = excluded.recall, products = excluded.products,
            updated_at = now();
        return next;
    end loop;
end;
$function$;

comment on function zava.check_search_recall(integer) is
    'Measures what share of the ten nearest products the index of each model finds, and keeps the smallest ef_search that finds 99 %; advice says what to do where none does.

p_sample: how many searches to try, 1 to 1000';
revoke execute on function zava.check_search_recall(integer) from public;

-- source: db/functions/search/claim_embeddings.sql
-- zava.claim_embeddings(): texts that have no vector of this model, or one of another text, for one
-- worker alone. What is to be done is the difference between two tables: no queue, no trigger.
-- A lease keeps other workers off while the model computes, so that no transaction stays open for
-- that; one that its worker has left behind runs out. Another may have embedded a text and ended its lease
-- since this looked for what to do, which is seen by looking once more. Give the last id that was claimed as p_after,
-- and null again when nothing more comes: what was changed or given up meanwhile is found then.
create or replace function zava.claim_embeddings(
    p_model text,
    p_after uuid default null,
    p_limit integer default 256,
    p_lease interval default '1 minute'
)
returns table (product_id uuid, content text, content_hash bytea)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_model);
    v_leased uuid[];
    v_done uuid[];
begin
    with stale as materialized (
        select p.product_id
        from retail.products as p
        join zava.product_texts() as x on x.product_id = p.product_id
        where (p_after is null or p.product_id > p_after)
            and not exists (
                select
                from retail.product_embeddings as e
                where e.model_id = v_model_id
                    and e.product_id = p.product_id
                    and e.content_hash = x.content_hash
            )
            and not exists (
                select
                from zava.embedding_leases as l
                where l.model_id = v_model_id
                    and l.product_id = p.product_id
                    and l.leased_until > clock_timestamp()
            )
        order by p.product_id
        limit p_limit
        for no key update of p skip locked
    ),
    leased as (
        insert into zava.embedding_leases as l (model_id, product_id, leased_until)
        select v_model_id, s.product_id, clock_timestamp() + p_lease
        from stale as s
        on conflict on constraint embedding_leases_pkey do update
        set leased_until = excluded.leased_until
        where l.leased_until <= clock_timestamp()
        returning l.product_id
    )
    select array_agg(d.product_id) into v_leased from leased as d;

    select array_agg(e.product_id) into v_done
    from retail.product_embeddings as e
    join zava.product_texts() as x on x.product_id = e.product_id and x.content_hash = e.content_hash
    where e.model_id = v_model_id and e.product_id = any (v_leased);

    delete from zava.embedding_leases as l
    where l.model_id = v_model_id and l.product_id = any (v_done);

    return query
    select x.product_id, x.content, x.content_hash
    from zava.product_texts() as x
    where x.product_id = any (v_leased) and x.product_id <> all (coalesce(v_done, '{}'))
    order by x.product_id;
end;
$function$;

comment on function zava.claim_embeddings(text, uuid, integer, interval) is
    'Product texts that a model has yet to embed, leased to the caller.

p_model: name of the model
p_after: only products with a greater id; null for all
p_limit: texts at most
p_lease: time after which others may take them';
revoke execute on function zava.claim_embeddings(text, uuid, integer, interval) from public;

-- source: db/functions/search/cross_sell.sql
-- api.cross_sell(): what the customers of the caller's stores buy together with a product. Ranked by
-- orders beyond chance: lift alone puts first what met by accident once.
create or replace function api.cross_sell(
    p_sku text,
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_min_orders integer default 2,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    orders_together bigint,
    support_percent numeric,
    confidence_percent numeric,
    lift numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_stores constant uuid[] := api._store_filter(p_store);
begin
    perform api._require_range('p_min_orders', p_min_orders, 1, 1000000);
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with best as (
        select b.*, row_number() over (
            order by b.beyond_chance desc, b.lift desc, b.other_id
        ) as rank
        from api._bought_with(array[v_product_id], v_stores, p_from, p_to) as b
        where b.beyond_chance > 0 and b.orders_together >= p_min_orders
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.orders_together, api._percent(b.orders_together, b.orders),
        api._percent(b.orders_together, b.orders_with), b.lift,
        format(
            'in %s of the %s orders with it; %s would be chance', b.orders_together, b.orders_with,
            b.orders_together - b.beyond_chance
        )
    from best as b
    join retail.products as p on p.product_id = b.other_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function api.cross_sell(text, text, date, date, integer, integer) is
    'What is bought in one order with a product more often than by chance, the most orders beyond it first. confidence_percent: share of the orders with the product that hold the other too; support_percent: of all orders; lift: how many times more often than by chance. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_sku: article number, for example HT-HAM-001
p_store: key of a store; null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_min_orders: with both
p_limit: 1 to 100';
revoke execute on function api.cross_sell(text, text, date, date, integer, integer) from public;
grant execute on function api.cross_sell(text, text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/digest.sql
-- zava.digest(): fingerprint of a text, to see whether it changed since it was embedded.
-- sha256(convert_to()) is only STABLE for PostgreSQL; the encoding of a database never changes.
create or replace function zava.digest(
    p_text text
)
returns bytea
language sql
immutable
parallel safe
security invoker
begin atomic
    select sha256(convert_to(p_text, 'UTF8'));
end;

comment on function zava.digest(text) is
    'SHA-256 of a text in UTF-8.

p_text: the text';
revoke execute on function zava.digest(text) from public;
-- products.content_hash is generated with the rights of whoever writes the row
grant execute on function zava.digest(text) to zava_writer;

-- source: db/functions/search/product_texts.sql
-- zava.product_texts(): the text of each product that is embedded, the one definition of it. The
-- kind and the category stand before the description, which a model may cut. Of every product: one
-- that is no longer ordered may still be in stock.
create or replace function zava.product_texts()
returns table (product_id uuid, content text, content_hash bytea)
language sql
stable
parallel safe
security invoker
begin atomic
    select x.product_id, x.content, zava.digest(x.content)
    from (
        select
            p.product_id,
            p.name || e'\n' || t.name || ', ' || c.name || e'\n' || p.description as content
        from retail.products as p
        join retail.product_types as t on t.type_id = p.type_id
        join retail.categories as c on c.category_id = p.category_id
    ) as x;
end;

comment on function zava.product_texts() is
    'The text of each product that is embedded for search by meaning, and its digest.';
revoke execute on function zava.product_texts() from public;

-- source: db/functions/search/embedding_status.sql
-- zava.embedding_status(): how far each model is, for `zava-sql embed` and whoever looks after it.
create or replace function zava.embedding_status()
returns table (
    model text,
    state text,
    dimensions integer,
    products bigint,
    embedded bigint,
    missing bigint,
    changed bigint,
    leased bigint,
    is_indexed boolean,
    size_bytes bigint
)
language sql
stable
parallel safe
security invoker
begin atomic
    with texts as materialized (
        select t.product_id, t.content_hash from zava.product_texts() as t
    )
    select
        m.name,
        m.state,
        m.dimensions,
        n.products,
        n.embedded,
        n.missing,
        n.products - n.embedded - n.missing,
        (
            select count(*)
            from zava.embedding_leases as l
            where l.model_id = m.model_id and l.leased_until > clock_timestamp()
        ),
        to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null,
        coalesce(
            pg_total_relation_size(to_regclass(format('retail.product_embeddings_%s', m.model_id))),
            0
        )
    from retail.embedding_models as m
    cross join lateral (
        select
            count(*) as products,
            count(*) filter (where e.content_hash = x.content_hash) as embedded,
            count(*) filter (where e.content_hash is null) as missing
        from texts as x
        left join retail.product_embeddings as e
            on e.model_id = m.model_id and e.product_id = x.product_id
    ) as n
    order by m.model_id;
end;

comment on function zava.embedding_status() is
    'For each model: how many products have a vector of their text, have none, or one of a text that has changed since; what workers hold; whether it is indexed; its size in bytes.';
revoke execute on function zava.embedding_status() from public;

-- source: db/functions/search/index_embedding_model.sql
-- zava.index_embedding_model(): builds the index of a model's vectors, once they are all there: a
-- graph built over a full table is better and sooner done than one that grows. Searches go on
-- meanwhile. m and ef_construction are chosen for recall, not for size or for time: of a graph built with less
-- some small part of the catalogue may be out of reach, whatever the effort of searches (docs/benchmarks.md).
create or replace function zava.index_embedding_model(
    p_name text
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_index text := format('product_embeddings_%s_embedding_idx', v_model_id);
    v_statement text;
    v_memory bigint;
begin
    -- One at a time: whoever comes second finds it built, if it looks by a snapshot of its own and not by
    -- to_regclass(), which may not have heard of it yet.
    perform from retail.embedding_models as m where m.model_id = v_model_id for update;
    if zava._has_embedding_index(v_model_id) then
        return false;
    end if;

    -- A graph that does not fit into memory takes many times as long.
    select count(*) * (m.dimensions * 2 + 1200) / 1024 + 8192
    into v_memory
    from retail.embedding_models as m
    join retail.product_embeddings as e on e.model_id = m.model_id
    where m.model_id = v_model_id
    group by m.dimensions;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;

    select format(
        'create index %1$I on retail.%2$I
            using hnsw ((embedding::%3$I.halfvec(%4$s)) %3$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)',
        v_index,
        'product_embeddings_' || v_model_id,
        n.nspname,
        m.dimensions
    )
    into v_statement
    from retail.embedding_models as m
    join pg_catalog.pg_extension as e on e.extname = 'vector'
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.model_id = v_model_id;
    begin
        execute v_statement;
    exception
        -- Containers often have little shared memory, which several processes would build it in.
        when disk_full or out_of_memory then
            perform set_config('max_parallel_maintenance_workers', '0', true);
            execute v_statement;
    end;
    return true;
end;
$function$;

comment on function zava.index_embedding_model(text) is
    'Builds the index of a model''s vectors; false when it is there already.

p_name: name of the model';
revoke execute on function zava.index_embedding_model(text) from public;

-- source: db/functions/search/index_search_assortments.sql
-- zava.index_search_assortments(): builds one of the indexes that zava._search_indexes() names, of what a store
-- or the stores of a region sell, or measures it again where a tenth of that has changed since. When there is
-- none left it drops indexes that are of no use any more and says false: to be run until then, each time on its
-- own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by questions as zava.check_search_recall() asks, of what is not sold there:
-- these are the furthest. Of few products there are more questions: one may miss all ten, which misleads, and
-- comparing all takes no time. It is searched with the least effort of 80, 100, 200, 400 and 1,000 that finds
-- enough, 99 of 100 (the first two only for 99.5), as long as that takes less than to compare all; if none does,
-- it is not used. Who may neither sort nor read a table through has to follow the index, as searches do:
-- PostgreSQL rather compares two thousand products, and all would be found, whatever the index finds. On 16 that
-- looks so dear that it would compile.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set enable_seqscan = off
set enable_sort = off
set jit = off
as $function$
declare
    v_index record;
    v_unused name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
    v_asked text[];
    v_furthest double precision[];
    v_nearest bigint;
    v_patience constant text := current_setting('lock_timeout');
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select i.*, m.dimensions, n.nspname as schema, null::integer as ef_search,
        format('search_assortments_%s_%s_idx', replace(i.index_id::text, '-', ''), i.model_id) as name,
        -- Planned with these values, a search finds the same condition.
        case
            when cardinality(i.stores) = 1 then format('store_id = %L', i.index_id)
            else format('store_id = any (%L)', i.stores)
        end as condition,
        -- That of several stores follows who may call this, and no store.
        case
            when cardinality(i.stores) = 1 then 'embedding'
            else 'zava._region_vector(embedding)'
        end as vector
    into v_index
    from zava._search_indexes() as i
    join retail.embedding_models as m on m.model_id = i.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where i.is_due and e.extname = 'vector'
    order by i.products desc, i.index_id
    limit 1;
    if not found then
        delete from retail.search_regions as r
        where not exists (select from zava._search_indexes() as i where i.index_id = r.region_id);
        perform set_config('lock_timeout', '1s', true);
        for v_unused in
            select c.relname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            where i.indrelid = 'retail.search_assortments'::regclass
                and not i.indisprimary
                and not exists (
                    select
                    from zava._search_indexes() as s
                    where c.relname = format(
                        'search_assortments_%s_%s_idx', replace(s.index_id::text, '-', ''), s.model_id
                    )
                )
        loop
            begin
                execute format('drop index retail.%I', v_unused);
            exception
                when lock_not_available then null;
            end;
        end loop;
        perform set_config('lock_timeout', v_patience, true);
        return false;
    end if;

    -- As that of the catalogue: of 20,000 products a graph built with 400 needs twice the effort of each search.
    -- One that does not fit into memory takes many times as long. One process builds it: containers
    -- often have too little shared memory for several.
    v_memory := v_index.products * (v_index.dimensions * 2 + 1200) / 1024 + 8192;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;
    perform set_config('max_parallel_maintenance_workers', '0', true);
    execute format(
        'create index if not exists %1$I on retail.search_assortments
            using hnsw ((%6$s::%2$I.halfvec(%3$s)) %2$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)
            where %4$s and model_id = %5$s',
        v_index.name, v_index.schema, v_index.dimensions, v_index.condition, v_index.model_id, v_index.vector
    );

    -- The tenth of the nearest to each question is as far as what is found may be.
    execute format(
        'select array_agg(q.embedding::text), array_agg(c.furthest), max(c.products)
        from (
            select %1$I.l2_normalize(
                e.embedding operator(%1$I.+) e.embedding
                    operator(%1$I.+) lead(e.embedding) over (order by e.place)
            ) as embedding
            from (
                select e.embedding, sha256(e.product_id::text::bytea) as place
                from retail.product_embeddings as e
                where e.model_id = %2$s and not exists (
                    select
                    from retail.search_assortments as a
                    where a.%3$s and a.product_id = e.product_id
                )
                order by place
                limit 1 + greatest(least(5000000 / %4$s, 1000), 200)
            ) as e
        ) as q
        cross join lateral (
            select max(n.distance) as furthest, count(*) as products
            from (
                select (a.embedding operator(%1$I.<#>) q.embedding) + 0 as distance
                from retail.search_assortments as a
                where a.%3$s and a.model_id = %2$s
                order by distance
                limit 10
            ) as n
        ) as c
        where q.embedding is not null',
        v_index.schema, v_index.model_id, v_index.condition, greatest(v_index.products, 1)
    )
    into v_asked, v_furthest, v_nearest;

    foreach v_effort in array array[80, 100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_index.products / 7, 100);
        execute format('set local hnsw.ef_search = %s', v_effort);
        execute format(
            'with asked as materialized (
                select u.embedding::%1$I.halfvec(%2$s) as embedding, u.furthest
                from unnest($1, $2) as u (embedding, furthest)
            )
            select avg((
                select count(*)
                from (
                    select %5$s::%1$I.halfvec(%2$s) operator(%1$I.<#>) q.embedding as distance
                    from retail.search_assortments as a
                    where a.%4$s and a.model_id = %3$s
                    order by distance
                    limit 10
                ) as n
                where n.distance <= q.furthest
            )) / $3
            from asked as q',
            v_index.schema, v_index.dimensions, v_index.model_id, v_index.condition,
            replace(v_index.vector, 'embedding', 'a.embedding')
        )
        into v_recall
        using v_asked, v_furthest, v_nearest;
        v_index.ef_search := v_effort;
        -- The least efforts leave the most to chance.
        exit when v_recall is null or v_recall >= case when v_effort <= 100 then 0.995 else 0.99 end;
    end loop;
    if cardinality(v_index.stores) = 1 then
        update retail.search_stores as s
        set indexed = coalesce(v_recall, 1) >= 0.99, ef_search = v_index.ef_search, changed = 0, updated_at = now()
        where s.store_id = v_index.index_id;
    else
        insert into retail.search_regions as r (store_id, region_id, model_id, indexed, ef_search)
        select u.store_id, v_index.index_id, v_index.model_id, coalesce(v_recall, 1) >= 0.99, v_index.ef_search
        from unnest(v_index.stores) as u (store_id)
        on conflict (store_id, region_id) do update
        set model_id = excluded.model_id, indexed = excluded.indexed, ef_search = excluded.ef_search, changed = 0,
            updated_at = now();
    end if;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store or region sells, where that is many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- source: db/functions/search/live_embedding_model.sql
-- zava.live_embedding_model(): which model the server must embed a question with.
-- SECURITY DEFINER: the service login reads it through a function only.
create or replace function zava.live_embedding_model()
returns table (name text, dimensions integer)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select m.name, m.dimensions
    from retail.embedding_models as m
    where m.state = 'live';
end;

comment on function zava.live_embedding_model() is
    'The model that search uses, or no row while none is live.';
revoke execute on function zava.live_embedding_model() from public;
grant execute on function zava.live_embedding_model() to zava_service;

-- source: db/functions/search/recommend_for_customer.sql
-- api.recommend_for_customer(): what to offer a customer who bought something: what others buy with
-- it, and what is like it, merged by reciprocal rank as search does. Nothing that the customer has
-- bought. Who has bought nothing gets what most orders of the store hold.
-- Of several reasons the strongest is told, of equals that of the first product: which of them a plan
-- comes upon first depends on rows of others.
create or replace function api.recommend_for_customer(
    p_customer_id uuid,
    p_in_stock boolean default true,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    score numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store_id uuid;
    v_bought uuid[];
    v_recent uuid[];
    v_sold uuid[];
begin
    perform api._require_range('p_limit', p_limit, 1, 100);
    select c.store_id into v_store_id
    from retail.customers as c
    where c.customer_id = p_customer_id
    -- Two stores may have given the same id.
    order by c.store_id
    limit 1;
    if v_store_id is null then
        raise exception 'customer % is not visible to you', coalesce(p_customer_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'Ids of your customers are in retail.customers.';
    end if;

    select array_agg(b.product_id), (array_agg(b.product_id order by b.last_day desc, b.product_id))[:10]
    into v_bought, v_recent
    from (
        select l.product_id, max(l.order_date) as last_day
        from retail.orders as o
        join api.sale_lines as l on l.store_id = o.store_id and l.order_id = o.order_id
        where o.store_id = v_store_id and o.customer_id = p_customer_id and not l.is_return
        group by l.product_id
    ) as b;
    -- Empty and not null where there is none: null is everything to a search.
    v_sold := array(
        select i.product_id
        from retail.inventory as i
        where i.store_id = v_store_id
            and (not coalesce(p_in_stock, true) or i.stock_level > 0)
            and i.product_id <> all (coalesce(v_bought, '{}'))
    );

    return query
    with beside as (
        select b.other_id as product_id, sum(b.beyond_chance / b.orders_with) as strength,
            (array_agg(b.product_id order by b.beyond_chance / b.orders_with desc, b.product_id))[1]
                as because,
            max(b.lift) as lift
        from api._bought_with(v_recent, array[v_store_id], null, null) as b
        where b.beyond_chance > 0 and b.other_id = any (v_sold)
        group by b.other_id
    ),
    alike as (
        select n.product_id, max(n.similarity) as strength,
            (array_agg(r.product_id order by n.similarity desc, r.product_id))[1] as because
        from unnest(v_recent) as r (product_id)
        cross join lateral api._nearest_products(
            api._product_embedding(r.product_id), v_sold, null, null, null, null, 20
        ) as n
        where api._product_embedding(r.product_id) is not null
        group by n.product_id
    ),
    popular as (
        select l.product_id, count(distinct l.order_id) as strength
        from api._date_range(null, null, 90) as d
        join api.sale_lines as l on l.order_date >= d.moment_from and l.sold_on >= d.date_from
        where v_recent is null and l.store_id = v_store_id and not l.is_return
            and l.product_id = any (v_sold)
        group by l.product_id
    ),
    lists as (
        select b.product_id,
            format('bought with %s, %s times as often as by chance', p.name, max(b.lift)) as why,
            1.0 / (20 + row_number() over (order by b.strength desc, b.product_id)) as worth
        from beside as b
        join retail.products as p on p.product_id = b.because
        group by b.product_id, b.strength, p.name
        union all
        select a.product_id, format('like %s', p.name),
            1.0 / (20 + row_number() over (order by a.strength desc, a.product_id))
        from alike as a
        join retail.products as p on p.product_id = a.because
        union all
        select q.product_id, format('in %s orders of the last 90 days; no purchase is known', q.strength),
            1.0 / (20 + row_number() over (order by q.strength desc, q.product_id))
        from popular as q
    ),
    best as (
        select l.product_id, sum(l.worth) as worth, string_agg(l.why, '; ' order by l.why) as why,
            row_number() over (order by sum(l.worth) desc, l.product_id) as rank
        from lists as l
        group by l.product_id
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, i.price, i.stock_level::bigint,
        round(b.worth, 5), b.why
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.inventory as i on i.store_id = v_store_id and i.product_id = b.product_id
    order by b.rank;
end;
$function$;

comment on function api.recommend_for_customer(uuid, boolean, integer) is
    'What to offer one of your customers, of what they have not bought: what was bought together with their last ten products in the last 365 days, and what is like these; to who bought nothing yet, what most orders of the last 90 days hold. score: sum of reciprocal places in both lists. why: because of which product. Price and stock of the customer''s store.

p_customer_id: customer_id of retail.customers; where two of your stores gave the same, the customer of that with the lower store_id
p_in_stock: false for what is out of stock too
p_limit: 1 to 100';
revoke execute on function api.recommend_for_customer(uuid, boolean, integer) from public;
grant execute on function api.recommend_for_customer(uuid, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_assortments.sql
-- zava.refresh_search_assortments(): takes up for search what stores sell: of every store a bit for each
-- product of the catalogue, of stores that sell up to half of it the vectors as well, side by side in
-- retail.search_assortments. Run by zava.refresh_search_words() and when a model becomes live; not a tool.
-- Rows of retail.inventory are marked as taken up first, so that one which comes while this runs is not,
-- and search sees it; a row that somebody else is changing stays for the next time, as does a product
-- that has no number yet. Indexes of the copies are built by zava.index_search_assortments(), for that
-- takes long and rows marked are locked until this is committed.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (select f.model_id from api._few() as f);
    v_most constant integer := (select f.copied from api._few() as f);
    v_products constant integer := (select count(*) from retail.search_numbers);
    v_copied uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    update retail.inventory as i
    set in_search = true
    from (
        select i.store_id, i.product_id
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where not i.in_search
        for no key update of i skip locked
    ) as u
    where i.store_id = u.store_id and i.product_id = u.product_id;

    v_copied := array(
        select i.store_id
        from retail.inventory as i
        where i.in_search
        group by i.store_id
        having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_copied)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id and i.in_search
            )
        returning a.store_id
    ),
    -- In the order of the key, so that what is read together lies together. A vector may be of a
    -- transaction that began before the last copies were made and ended after.
    written as (
        insert into retail.search_assortments as a (store_id, product_id, model_id, embedding)
        select i.store_id, i.product_id, v_model_id, e.embedding
        from retail.inventory as i
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_copied)
            and i.in_search
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.updated_at <= e.updated_at + interval '5 minutes'
                    and c.embedding::real[] is distinct from e.embedding::real[]
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding, updated_at = now()
        returning a.store_id
    ),
    counted as (
        select c.store_id, count(*)::integer as changed
        from (select r.store_id from removed as r union all select w.store_id from written as w) as c
        group by c.store_id
    ),
    noted as (
        update retail.search_stores as s
        set changed = least(s.changed::bigint + c.changed, 2147483647)
        from counted as c
        where s.store_id = c.store_id
    ),
    noted_of_regions as (
        update retail.search_regions as r
        set changed = least(r.changed::bigint + c.changed, 2147483647)
        from counted as c
        where r.store_id = c.store_id
    )
    select coalesce(sum(c.changed), 0) into v_changed from counted as c;

    delete from retail.search_stores as s
    where not exists (
        select from retail.inventory as i where i.store_id = s.store_id and i.in_search
    );
    insert into retail.search_stores as s (store_id, products, copied, sold, model_id)
    select p.store_id, count(*), p.store_id = any (v_copied),
        rpad(string_agg(lpad('1', p.step, '0'), '' order by p.number), v_products, '0')::varbit,
        v_model_id
    from (
        select i.store_id, n.number,
            n.number - lag(n.number, 1, 0) over (partition by i.store_id order by n.number) as step
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where i.in_search
    ) as p
    group by p.store_id
    on conflict (store_id) do update
    set products = excluded.products, copied = excluded.copied, sold = excluded.sold,
        model_id = excluded.model_id, updated_at = now(),
        indexed = case
            when excluded.copied and excluded.products > 1500 and s.model_id = excluded.model_id
                then s.indexed
        end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

-- source: db/functions/search/refresh_search_lexemes.sql
-- zava.refresh_search_lexemes(): numbers the products of the catalogue and writes down for each lexeme of
-- their texts in which products it is, a bit for each number. Run by zava.refresh_search_words(); not a
-- tool. Short texts have low numbers: among products with the same words search prefers them.
-- Bits are written as text, from one product to the next, for there is no way to set many at once.
create or replace function zava.refresh_search_lexemes()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_changed bigint;
begin
    with wanted as materialized (
        select row_number() over (order by length(p.search_words), p.product_id)::integer as number,
            p.product_id, p.search_words
        from retail.products as p
    ),
    removed as (
        delete from retail.search_numbers as n
        where n.number > (select count(*) from wanted)
        returning 1
    ),
    written as (
        insert into retail.search_numbers as n (number, product_id, search_words)
        select w.number, w.product_id, w.search_words from wanted as w order by w.number
        on conflict (number) do update
        set product_id = excluded.product_id, search_words = excluded.search_words, updated_at = now()
        where (n.product_id, n.search_words) is distinct from (excluded.product_id, excluded.search_words)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    if v_changed > 0 then
        -- Bits of what stores sell are by the numbers before.
        update retail.search_stores as s set sold = null where s.sold is not null;
    end if;

    with steps as (
        select p.lexeme, p.number, p.is_named,
            p.number - lag(p.number, 1, 0) over w as step,
            p.number - coalesce(max(p.number) filter (where p.is_named) over (
                w rows between unbounded preceding and 1 preceding
            ), 0) as named_step
        from (
            select l.lexeme, n.number, 'A' = any (l.weights) as is_named
            from retail.search_numbers as n
            cross join lateral unnest(n.search_words) as l
        ) as p
        window w as (partition by p.lexeme order by p.number)
    ),
    wanted as (
        select s.lexeme, count(*)::integer as products,
            round(ln(1 + (t.products - count(*) + 0.5) / (count(*) + 0.5)), 3) as weight,
            rpad(string_agg(lpad('1', s.step, '0'), '' order by s.number), t.products, '0')::varbit
                as places,
            rpad(
                coalesce(
                    string_agg(lpad('1', s.named_step, '0'), '' order by s.number)
                        filter (where s.is_named), ''
                ), t.products, '0'
            )::varbit as named
        from steps as s
        cross join (select count(*)::integer as products from retail.search_numbers) as t
        group by s.lexeme, t.products
    ),
    removed as (
        delete from retail.search_lexemes as l
        where not exists (select from wanted as w where w.lexeme = l.lexeme)
        returning 1
    ),
    written as (
        insert into retail.search_lexemes as l (lexeme, products, weight, places, named)
        select w.lexeme, w.products, w.weight, w.places, w.named from wanted as w order by w.lexeme
        on conflict (lexeme) do update
        set products = excluded.products, weight = excluded.weight, places = excluded.places,
            named = excluded.named, updated_at = now()
        where (l.products, l.weight, l.places, l.named)
            is distinct from (excluded.products, excluded.weight, excluded.places, excluded.named)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_lexemes() is
    'Writes down in which products each lexeme of the catalogue is; returns how many rows of retail.search_lexemes were written or removed.';
revoke execute on function zava.refresh_search_lexemes() from public;

-- source: db/functions/search/release_embeddings.sql
-- zava.release_embeddings(): gives claimed products back, for a worker that stops before its time.
create or replace function zava.release_embeddings(
    p_model text,
    p_product_ids uuid[]
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from zava.embedding_leases as l
    where l.model_id = zava._embedding_model_id(p_model) and l.product_id = any (p_product_ids);
end;
$function$;

comment on function zava.release_embeddings(text, uuid[]) is
    'Ends the leases of products, so that another worker may claim them at once.

p_model: name of the model
p_product_ids: products that were claimed';
revoke execute on function zava.release_embeddings(text, uuid[]) from public;

-- source: db/functions/search/retire_embedding_model.sql
-- zava.retire_embedding_model(): drops the vectors of a model that is not live. Detaching needs the
-- table for itself for a moment; the short lock_timeout keeps searches from queueing behind it.
create or replace function zava.retire_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_partition text := format('product_embeddings_%s', v_model_id);
    v_state text;
begin
    select m.state
    into v_state
    from retail.embedding_models as m
    where m.model_id = v_model_id
    for update;
    if v_state = 'live' then
        raise exception 'model % is live', p_name
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Activate another one first: zava-sql embed --activate.';
    end if;

    delete from zava.embedding_leases as l where l.model_id = v_model_id;
    if to_regclass('retail.' || v_partition) is not null then
        execute format(
            'alter table retail.product_embeddings detach partition retail.%I', v_partition
        );
        execute format('drop table retail.%I', v_partition);
    end if;
    update retail.embedding_models as m
    set state = 'retired', updated_at = now()
    where m.model_id = v_model_id;
end;
$function$;

comment on function zava.retire_embedding_model(text) is
    'Drops the vectors of a model that search does not use.

p_name: name of the model';
revoke execute on function zava.retire_embedding_model(text) from public;

-- source: db/functions/search/search_products.sql
-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides. Where it is said what shall not be, it counts less
-- by three quarters of what words cover at best. A product whose article number is asked for comes before both.
create or replace function api.search_products(
    p_query text,
    p_query_embedding vector default null,
    p_category text default null,
    p_min_price numeric default null,
    p_max_price numeric default null,
    p_in_stock boolean default false,
    p_min_similarity numeric default null,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    score numeric,
    similarity numeric,
    found_by text,
    searched_by text,
    headline text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    -- Nothing but spaces of any kind, breadth or none is no text.
    v_query constant text := btrim(p_query, e' \t\r\n\v\f\u0085\u00a0\u00ad\u1680\u180e'
        '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f'
        '\u2028\u2029\u202f\u205f\u2060\u2800\u3000\ufeff');
    v_wanted text := v_query;
    v_words tsquery;
    v_category uuid;
    v_named uuid[];
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * least(p_limit, 100), 20);
    v_unit p_query_embedding%type;
    v_denied real := 0;
    v_searched_by text;
    v_taken boolean := num_nulls(p_category, p_min_price, p_max_price) = 3 and not v_in_stock;
begin
    if p_limit is null or p_limit not between 1 and 100
        or p_min_price not between 0 and 1e9
        or p_max_price not between 0 and 1e9
        or p_min_similarity not between -1 and 1
    then
        perform api._require_range('p_limit', p_limit, 1, 100);
        perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
        perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
        perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    end if;
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;
    if p_min_price > p_max_price then
        raise exception 'p_min_price (%) is above p_max_price (%)', p_min_price, p_max_price
            using errcode = 'invalid_parameter_value', hint = 'Swap the two prices.';
    end if;

    if p_category is not null then
        v_category := api._category_id(p_category);
    end if;
    if p_query_embedding is not null then
        v_unit := api._checked_embedding(p_query_embedding);
    end if;
    v_searched_by := case
        when v_unit is not null then 'meaning and words'
        when p_query_embedding is null then 'words only: the text was not embedded'
        else 'words only: no model is live'
    end;
    -- Any of the words, as they are looked for.
    if v_query ~* '\m(without|w/o|not|except|excluding|other\s+than|apart\s+from)\s' then
        v_wanted := api._wanted_text(v_query);
        -- The vector is of all that was said, and next to it is what shall not be. The more of the rest is in
        -- words that a product has, the less the vector has to say.
        if v_wanted <> v_query then
            v_denied := 0.75;
        end if;
    end if;
    v_words := replace(plainto_tsquery('english', v_wanted)::text, ' & ', ' | ')::tsquery;
    -- Of fewer characters, numbers are sizes. Without any number only the text as it is can be one: a word
    -- is mostly meant as a word.
    if length(v_query) > 3
        and (v_query ~ '[0-9]' or exists (select from retail.products as p where p.sku = v_query))
    then
        v_named := array(
            select p.product_id
            from retail.products as p
            where p.product_id in (
                    select s.product_id from retail.products as s where s.sku = v_query
                    union all
                    select s.product_id
                    from retail.products as s
                    -- An array, for PostgreSQL expects thousands of words, and would read all products.
                    where upper(s.sku) = any (array(
                        select upper(t.word)
                        from (
                            select regexp_split_to_table(v_query, '[.]*[\s,;:?!()"]+|[.]+$')
                            union
                            -- In quotes of any kind, with hyphens of any kind, one beside another.
                            select btrim(
                                regexp_split_to_table(
                                    translate(v_query, u&'\2010\2011\2012\2013\2014', '-----'),
                                    '[^[:alnum:]-]+'
                                ), '-'
                            )
                        ) as t (word)
                        where v_query ~ '(?=\S{4})\S*[0-9]' and t.word ~ '[0-9]' and length(t.word) > 3
                    ))
                )
                and (v_category is null or p.category_id = v_category)
                and exists (
                    select
                    from retail.inventory as i
                    where i.product_id = p.product_id
                        and (p_min_price is null or i.price >= p_min_price)
                        and (p_max_price is null or i.price <= p_max_price)
                        and (not v_in_stock or i.stock_level > 0)
                )
        );
    end if;

    -- What was taken up for search may not be sold any more: then nothing is shown, and all looked for anew.
    loop
        return query
        with lists as (
            select f.product_id, f.similarity,
                case
                    when f.coverage is null
                        then (1 - v_denied * coalesce(max(f.coverage) over (), 0)) / (20 + f.place)
                    else 2 * f.coverage * f.coverage / (20 + f.place)
                end as worth,
                case when f.coverage is null then 'meaning' else 'words' end as side
            from api._found_products(
                v_unit, v_wanted, v_category, p_min_price, p_max_price, v_in_stock, v_depth, v_taken
            ) as f
            union all
            select n.product_id, null, 1, 'sku' from unnest(v_named) as n (product_id)
        ),
        merged as (
            select l.product_id, sum(l.worth) as worth,
                -- What only words have found is compared where that is asked for.
                coalesce(max(l.similarity), case
                    when p_min_similarity is not null then api._similarity_to(l.product_id, v_unit)
                end) as similarity,
                case
                    when bool_or(l.side = 'sku') then 'sku'
                    when count(*) = 2 then 'both'
                    else min(l.side)
                end as found_by
            from lists as l
            group by l.product_id
        ),
        best as (
            select m.*
            from merged as m
            where p_min_similarity is null or m.similarity is null or m.found_by = 'sku'
                or m.similarity >= p_min_similarity
            order by m.worth desc, m.product_id
            limit p_limit
        ),
        shown as (
            select b.*, o.*, row_number() over w as rank, every(o.stock_level is not null) over w as is_sold
            from best as b
            cross join lateral api._offer(b.product_id) as o
            -- In the order that they come in already.
            window w as (
                order by b.worth desc, b.product_id rows between unbounded preceding and unbounded following
            )
        )
        select s.rank, s.product_id, p.sku, p.name, c.name, s.price, s.stock_level, s.in_stock_at,
            round(s.worth::numeric, 5), round(s.similarity::numeric, 3), s.found_by, v_searched_by,
            ts_headline(
                'english', p.description, v_words,
                'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
            )
        from shown as s
        join retail.products as p on p.product_id = s.product_id
        join retail.categories as c on c.category_id = p.category_id
        where s.is_sold or not v_taken
        order by s.worth desc, s.product_id;
        exit when found or not v_taken;
        v_taken := false;
    end loop;
    -- No row can say so.
    if not found and v_unit is null then
        raise notice 'nothing was found; searched by %', v_searched_by;
    end if;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words, both or sku. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists, and 1 for the sku. headline: a passage of the description with the words asked for in **.

p_query: words, a question or a sku
p_query_embedding: vector of p_query by the live model, which the tool makes and a query cannot; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; where it is unknown, or asked for by sku, a product stays; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/similar_products.sql
-- api.similar_products(): what the caller's stores sell that is like a product, by the nearness of
-- vectors; by the words of its name where it has no vector yet.
create or replace function api.similar_products(
    p_sku text,
    p_in_stock boolean default false,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    similarity numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_has_vector constant boolean := api._product_embedding(v_product_id) is not null;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with found as (
        select f.product_id, f.similarity, f.place
        from api._found_products(
            api._product_embedding(v_product_id),
            case
                when not v_has_vector then (
                    select p.name from retail.products as p where p.product_id = v_product_id
                )
            end,
            null, null, null, v_in_stock, p_limit + 1
        ) as f
    )
    select row_number() over (order by f.place), p.product_id, p.sku, p.name, c.name, o.price,
        o.stock_level, o.in_stock_at, round(f.similarity::numeric, 3),
        concat_ws(
            '; ',
            case
                when p.type_id = a.type_id then 'also in ' || t.name
                when p.category_id = a.category_id then t.name || ', also in ' || c.name
                else t.name || ' in ' || c.name
            end,
            case
                when o.price < b.price then format('%s USD cheaper', b.price - o.price)
                when o.price > b.price then format('%s USD dearer', o.price - b.price)
            end,
            case when not v_has_vector then 'found by words, it has no embedding yet' end
        )
    from found as f
    join retail.products as p on p.product_id = f.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.product_types as t on t.type_id = p.type_id
    join retail.products as a on a.product_id = v_product_id
    cross join lateral api._offer(v_product_id) as b
    cross join lateral api._offer(f.product_id) as o
    where p.product_id <> v_product_id
    order by f.place
    limit p_limit;
end;
$function$;

comment on function api.similar_products(text, boolean, integer) is
    'Products of your stores that are most like one, as substitutes. why: what they share and how the lowest prices compare. USD without tax.

p_sku: article number, for example HT-HAM-001
p_in_stock: only what is in stock
p_limit: 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/store_embeddings.sql
-- zava.store_embeddings(): keeps vectors and ends their leases. A vector of a text that has changed
-- meanwhile is not kept: the product stays to be done; one that is being removed is waited for. real becomes halfvec by assignment, which
-- refuses what is not a number; the partition refuses another length.
create or replace function zava.store_embeddings(
    p_model text,
    p_product_ids uuid[],
    p_content_hashes bytea[],
    p_vectors real[]
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_model);
    v_length integer;
    v_stored integer;
begin
    select m.dimensions
    into v_length
    from retail.embedding_models as m
    where m.model_id = v_model_id;

    if coalesce(cardinality(p_content_hashes) <> cardinality(p_product_ids), true)
        or coalesce(cardinality(p_vectors) <> cardinality(p_product_ids) * v_length, true)
    then
        raise exception '% products, % hashes and % numbers do not fit model % of % dimensions',
            cardinality(p_product_ids), cardinality(p_content_hashes), cardinality(p_vectors),
            p_model, v_length
            using errcode = 'invalid_parameter_value',
                  hint = 'Give a hash for each product, and all vectors one after the other.';
    end if;

    with there as materialized (
        select p.product_id
        from retail.products as p
        where p.product_id = any (p_product_ids)
        order by p.product_id
        for key share of p
    )
    insert into retail.product_embeddings as e (model_id, product_id, content_hash, embedding)
    select
        v_model_id,
        g.product_id,
        g.content_hash,
        p_vectors[(g.place - 1) * v_length + 1 : g.place * v_length]
    from unnest(p_product_ids, p_content_hashes)
        with ordinality as g (product_id, content_hash, place)
    join there as t on t.product_id = g.product_id
    join zava.product_texts() as x
        on x.product_id = g.product_id and x.content_hash = g.content_hash
    order by g.product_id
    on conflict on constraint product_embeddings_pkey do update
    set content_hash = excluded.content_hash, embedding = excluded.embedding, updated_at = now();
    get diagnostics v_stored = row_count;

    delete from zava.embedding_leases as l
    where l.model_id = v_model_id and l.product_id = any (p_product_ids);
    return v_stored;
end;
$function$;

comment on function zava.store_embeddings(text, uuid[], bytea[], real[]) is
    'Keeps the vectors of texts that are still the same, and tells how many.

p_model: name of the model
p_product_ids: products, each once
p_content_hashes: digests of the texts that were embedded, in the same order
p_vectors: their normalised vectors, one after the other';
revoke execute on function zava.store_embeddings(text, uuid[], bytea[], real[]) from public;

-- source: db/functions/search/trending_products.sql
-- api.trending_products(): products that more customers buy than before. Orders of the last p_days
-- days against those to be expected from the p_baseline_days days before. Orders, not units: one
-- that takes forty is no trend. Ranked by what is more over the square root of what was expected
-- plus one, which is how far it lies beyond accident: 3 instead of 1 come behind 90 instead of 30.
create or replace function api.trending_products(
    p_store text default null,
    p_category text default null,
    p_to date default null,
    p_days integer default 28,
    p_baseline_days integer default 84,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    units bigint,
    orders bigint,
    expected_orders numeric,
    growth_percent numeric,
    trend_score numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_first date;
begin
    perform api._require_range('p_days', p_days, 1, 365);
    perform api._require_range('p_baseline_days', p_baseline_days, 1, 730);
    perform api._require_range('p_limit', p_limit, 1, 100);
    select r.* into v_range from api._date_range(null, p_to, p_days + p_baseline_days) as r;
    v_first := v_range.date_to - p_days + 1;

    return query
    with sold as (
        select l.product_id,
            sum(l.quantity) filter (where l.sold_on >= v_first) as units,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on >= v_first) as orders,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on < v_first) as before
        from api.sale_lines as l
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    expected as (
        select s.*, s.before::numeric * p_days / p_baseline_days as expected
        from sold as s
    ),
    scored as (
        select e.*, (e.orders - e.expected) / sqrt(e.expected + 1) as trend_score
        from expected as e
        where e.orders > e.expected
    ),
    best as (
        select s.*, row_number() over (order by s.trend_score desc, s.product_id) as rank
        from scored as s
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.units, b.orders, round(b.expected, 1), api._growth(b.orders, b.expected),
        round(b.trend_score, 2),
        format(
            '%s orders in %s days, %s in the %s before', b.orders, p_days, b.before, p_baseline_days
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function
    api.trending_products(text, text, date, integer, integer, integer) is
    'Products that are in more orders than before, the surest growth first. units and orders: sold in the p_days days, returns not taken off; expected_orders: as many as the baseline has in p_days days; growth_percent: from these; trend_score: orders beyond that over the square root of it plus one. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_store: key of a store; null for all that you see
p_category: name of a category; null for all
p_to: last day; null for the day of the newest sale
p_days: 1 to 365
p_baseline_days: days before these, 1 to 730
p_limit: 1 to 100';
revoke execute on function api.trending_products(text, text, date, integer, integer, integer)
    from public;
grant execute on function api.trending_products(text, text, date, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/seed/seed_arguments.sql
-- zava.seed_arguments(): checks scale and last day; everything else trusts them.
-- Scale becomes a whole number of millionths: sizes are then exact, also at 0.05.
create or replace function zava.seed_arguments(
    p_scale numeric,
    p_until date default null
)
returns table (scale bigint, until date)
language plpgsql
immutable
parallel safe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_until date := coalesce(p_until, date '2026-06-30');
begin
    if p_scale is null or not (p_scale > 0 and p_scale <= 100) then
        raise exception 'scale out of range: %', coalesce(p_scale::text, 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a number up to 100: 1 is 200,000 orders, 0.05 a quick start.';
    end if;

    if p_scale < 0.0001 then
        raise exception 'scale too small: %', p_scale
            using errcode = 'invalid_parameter_value', hint = 'The smallest scale is 0.0001.';
    end if;

    if v_until < date '2020-07-01' or v_until > date '2039-12-31' then
        raise exception 'last day out of range: %', to_char(v_until, 'YYYY-MM-DD')
            using errcode = 'invalid_parameter_value',
                  hint = 'The data starts on 2020-07-01 and runs to 2039-12-31 at most.';
    end if;

    return query select floor(p_scale * 1000000)::bigint, v_until;
end;
$function$;

comment on function zava.seed_arguments(numeric, date) is
    'Checked arguments of the demo data: scale in millionths and the last day.

p_scale: 1 for 200,000 orders and 50,000 customers; above 0, 100 at most
p_until: last day of the data; empty for 2026-06-30';
revoke execute on function zava.seed_arguments(numeric, date) from public;

-- source: db/functions/seed/seed_articles.sql
-- zava.seed_articles(): the products of a catalogue file as rows, ranked inside their type.
-- rank 1 is the type's best seller; sales fall off by Zipf's law along it.
create or replace function zava.seed_articles(
    p_catalogue jsonb
)
returns table (
    sku text,
    name text,
    description text,
    list_price numeric,
    category text,
    type_no integer,
    type text,
    article_key bigint,
    rank integer
)
language plpgsql
immutable
parallel safe
security invoker
rows 500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.document ->> 'sku',
        p.document ->> 'name',
        p.document ->> 'description',
        (p.document ->> 'price')::numeric,
        t.category,
        t.type_no,
        t.type,
        hashtextextended('product:' || (p.document ->> 'sku'), 0),
        row_number() over (
            partition by t.type_no
            order by (p.document ->> 'popularity')::numeric desc, p.position
        )::integer
    from zava.seed_types(p_catalogue) as t
    cross join lateral jsonb_array_elements(t.products) with ordinality as p (document, position);
end;
$function$;

comment on function zava.seed_articles(jsonb) is
    'The products of a catalogue, ranked by popularity inside their type.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_articles(jsonb) from public;

-- source: db/functions/seed/seed_assortment.sql
-- zava.seed_assortment(): the products that a store stocks, with price and purchase cost of a year.
-- The two best sellers of a type are everywhere; of the others a small store has a part only.
create or replace function zava.seed_assortment(
    p_catalogue jsonb,
    p_store_key text,
    p_year integer
)
returns table (
    product_id uuid,
    type_no integer,
    rank integer,
    article_key bigint,
    price numeric,
    unit_cost numeric
)
language plpgsql
stable
parallel safe
security invoker
rows 500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        p.product_id,
        a.type_no,
        a.rank,
        a.article_key,
        f.price,
        -- cost is about 67 % of the price, a little more or less by product
        round(f.price * (0.63 + 0.01 * zava.seed_number(a.article_key, 1, 9)), 2)
    from zava.seed_articles(p_catalogue) as a
    cross join zava.seed_shops() as s
    cross join lateral (
        select zava.seed_price(a.list_price, s.price_level, p_year) as price
    ) as f
    join retail.products as p on p.sku = a.sku
    where s.store_key = p_store_key
        and (
            a.rank <= 2
            or zava.seed_number(zava.seed_key(s.shop_key, a.article_key), 1, 100)
                < s.assortment_percent
        );
end;
$function$;

comment on function zava.seed_assortment(jsonb, text, integer) is
    'The products that a store of the demo data stocks, with price and cost in USD.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_year: calendar year of the price';
revoke execute on function zava.seed_assortment(jsonb, text, integer) from public;

-- source: db/functions/seed/seed_basket_types.sql
-- zava.seed_basket_types(): the product type of every line of a store's missing orders.
-- A basket has one line and then more with a fixed chance each, twelve at most. The first line
-- follows the season; the others go with the first one, or follow the season as well.
create or replace function zava.seed_basket_types(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, line integer, line_key bigint, year integer, type_no integer)
language plpgsql
stable
parallel safe
security invoker
rows 25000
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_steps constant integer[] := array(
        select round(1000000 * (1 - power(1 - round(1 / s.mean_lines, 6), n.number)))::integer
        from zava.seed_shops() as s
        cross join generate_series(1, 11) as n (number)
        where s.store_key = p_store_key
        order by n.number
    );
begin
    return query
    with type_picks as materialized (
        select t.month, t.ticket, t.type_no from zava.seed_type_picks(p_catalogue) as t
    ),
    orders as materialized (
        select k.order_id, k.order_key, t.month, t.type_no,
            extract(year from k.day)::integer as year,
            1 + width_bucket(zava.seed_number(k.order_key, 10, 1000000), v_steps) as lines
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join type_picks as t
            on t.month = extract(month from k.day)::integer
            and t.ticket = zava.seed_number(k.order_key, 11, 2048)
    ),
    lines as materialized (
        select o.order_id, o.month, o.year, o.type_no as first_type_no, n.line,
            zava.seed_key(o.order_key, n.line) as line_key
        from orders as o
        cross join lateral generate_series(1, o.lines) as n (line)
    )
    select l.order_id, l.line, l.line_key, l.year,
        case l.line when 1 then l.first_type_no else coalesce(p.partner_no, t.type_no) end
    from lines as l
    join type_picks as t
        on t.month = l.month and t.ticket = zava.seed_number(l.line_key, 1, 2048)
    left join zava.seed_partner_picks(p_catalogue) as p
        on p.type_no = l.first_type_no and p.ticket = zava.seed_number(l.line_key, 2, 100);
end;
$function$;

comment on function zava.seed_basket_types(jsonb, text, bigint, date, date) is
    'Lines of the orders of the demo data that a store does not have yet, without the products.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_basket_types(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_business_year.sql
-- zava.seed_business_year(): number of the year from July to June that a day lies in; 1 is 2020/21.
create or replace function zava.seed_business_year(
    p_day date
)
returns integer
language sql
immutable
parallel safe
security invoker
begin atomic
    select (extract(year from p_day) - 2020)::integer
        + case when extract(month from p_day) >= 7 then 1 else 0 end;
end;

comment on function zava.seed_business_year(date) is
    'Business year of the demo data, 1 from July 2020 to June 2021.

p_day: a day';
revoke execute on function zava.seed_business_year(date) from public;

-- source: db/functions/seed/seed_buyers.sql
-- zava.seed_buyers(): who places each of a store's missing orders; no row for a cash sale.
-- Drawn from the customers that exist at the order's own scale (born_at), so that a larger scale
-- changes no buyer. Low numbers come up more often, and of two drawn the more loyal one buys: a
-- fifth of the customers makes most of the orders. A founder stands in for one who has not
-- joined by that day.
create or replace function zava.seed_buyers(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, customer_id uuid)
language plpgsql
stable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with drawn as materialized (
        select k.order_id, k.order_key, k.day, k.born_at, s.shop_key, s.founders, s.joiners,
            zava.seed_number(
                k.order_key, 2, s.founders + s.joiners * zava.seed_business_year(k.day)
            ) - s.founders as place
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join zava.seed_shops() as s on s.store_key = p_store_key
        where zava.seed_number(k.order_key, 3, 1000) >= case when s.is_online then 0 else 108 end
    ),
    cohorts as materialized (
        select d.order_id, d.order_key, d.day, d.shop_key,
            (d.born_at * d.founders + 500000) / 1000000 as founders,
            case when d.place < 0 then 0 else 1 + d.place / d.joiners end as cohort,
            (
                d.born_at * case when d.place < 0 then d.founders else d.joiners end + 500000
            ) / 1000000 as pool
        from drawn as d
    ),
    pairs as materialized (
        select c.order_id, c.order_key, c.day, c.shop_key, c.founders, c.cohort, t.number,
            zava.seed_key(zava.seed_key(c.shop_key, -1 - c.cohort), t.number) as customer_key,
            row_number() over (
                partition by c.order_id
                order by zava.seed_number(
                    zava.seed_key(zava.seed_key(c.shop_key, -1 - c.cohort), t.number), 1, 100
                ) desc, t.number
            ) as choice
        from cohorts as c
        cross join lateral (
            values
                (zava.seed_weighted_rank(c.order_key, 4, c.pool)),
                (zava.seed_weighted_rank(c.order_key, 5, c.pool))
        ) as t (number)
    ),
    buyers as (
        select p.order_id, b.cohort, b.number
        from pairs as p
        cross join lateral (
            select p.cohort, p.number
            where p.number > 0 and zava.seed_signup_day(p.customer_key, p.cohort) <= p.day
            union all
            select 0, zava.seed_weighted_rank(p.order_key, 6, p.founders)
            where p.number = 0 or zava.seed_signup_day(p.customer_key, p.cohort) > p.day
        ) as b (cohort, number)
        where p.choice = 1
    )
    select b.order_id,
        zava.seed_uuid('customer:' || p_store_key || ':' || b.cohort || ':' || b.number)
    from buyers as b
    where b.number > 0;
end;
$function$;

comment on function zava.seed_buyers(jsonb, text, bigint, date, date) is
    'Customers of the orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_buyers(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_catalogue.sql
-- zava.seed_catalogue(): adds the categories, product types and products that are missing.
-- Rows that exist under the same name or article number stay as they are; returns the number of
-- products added.
create or replace function zava.seed_catalogue(
    p_catalogue jsonb
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_made_at constant timestamptz := '2020-07-01 00:00:00-07';
    v_added bigint;
begin
    insert into retail.categories (category_id, name, created_at, updated_at)
    select distinct zava.seed_uuid('category:' || t.category), t.category, v_made_at, v_made_at
    from zava.seed_types(p_catalogue) as t
    on conflict (name) do nothing;

    insert into retail.product_types (type_id, category_id, name, created_at, updated_at)
    select zava.seed_uuid('type:' || t.type), c.category_id, t.type, v_made_at, v_made_at
    from zava.seed_types(p_catalogue) as t
    join retail.categories as c on c.name = t.category
    on conflict (name) do nothing;

    insert into retail.products (
        product_id, sku, name, description, category_id, type_id, list_price, created_at, updated_at
    )
    select
        zava.seed_uuid('product:' || a.sku),
        a.sku,
        a.name,
        a.description,
        t.category_id,
        t.type_id,
        a.list_price,
        v_made_at,
        v_made_at
    from zava.seed_articles(p_catalogue) as a
    join retail.product_types as t on t.name = a.type
    on conflict (sku) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_catalogue(jsonb) is
    'Adds the missing products of a catalogue with their types and categories; returns how many.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_catalogue(jsonb) from public;

-- source: db/functions/seed/seed_customers.sql
-- zava.seed_customers(): adds the customers that a store has at a scale and does not have yet.
-- A customer is its cohort and its number inside it; low numbers exist at every scale and, being
-- there for every order, buy most.
create or replace function zava.seed_customers(
    p_store_key text,
    p_scale bigint,
    p_until date
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_first_names constant text[] := zava.seed_first_names();
    v_last_names constant text[] := zava.seed_last_names();
    v_domains constant text[] := array['example.com', 'example.net', 'example.org'];
    v_added bigint;
begin
    insert into retail.customers (
        store_id, customer_id, first_name, last_name, email, city, loyalty_tier, joined_on,
        created_at, updated_at
    )
    select
        t.store_id,
        zava.seed_uuid('customer:' || p_store_key || ':' || c.cohort || ':' || c.number),
        c.first_name,
        c.last_name,
        -- unaccent is not part of every server; lower() must not depend on the locale
        lower(translate(c.first_name || '.' || c.last_name collate "C",
                'ÁÅÉØÖÜŁŠáâãäåçèéêëíïıñóôöøúüčćěłńřšýž''', 'AAEOOULSaaaaaceeeeiiinoooouuccelnrsyz'))
            || '-' || c.cohort || '-' || c.number || '@'
            || v_domains[1 + zava.seed_number(c.customer_key, 5, 3)],
        s.customer_cities[
            1 + zava.seed_number(c.customer_key, 6, cardinality(s.customer_cities))
        ],
        case
            when zava.seed_number(c.customer_key, 1, 100) >= 94 then 'gold'
            when zava.seed_number(c.customer_key, 1, 100) >= 80 then 'silver'
            when zava.seed_number(c.customer_key, 1, 100) >= 55 then 'bronze'
            else 'none'
        end,
        c.joined_on,
        c.joined_on::timestamp at time zone 'America/Los_Angeles',
        c.joined_on::timestamp at time zone 'America/Los_Angeles'
    from zava.seed_shops() as s
    join retail.stores as t on t.store_key = s.store_key
    cross join generate_series(0, zava.seed_business_year(p_until)) as y (cohort)
    cross join lateral generate_series(
        1,
        (case y.cohort when 0 then s.founders else s.joiners end * p_scale + 500000) / 1000000
    ) as n (number)
    cross join lateral (
        select k.customer_key, y.cohort, n.number,
            v_first_names[1 + zava.seed_number(k.customer_key, 3, cardinality(v_first_names))]
                as first_name,
            v_last_names[1 + zava.seed_number(k.customer_key, 4, cardinality(v_last_names))]
                as last_name,
            zava.seed_signup_day(k.customer_key, y.cohort) as joined_on
        from (
            select zava.seed_key(zava.seed_key(s.shop_key, -1 - y.cohort), n.number) as customer_key
        ) as k
    ) as c
    where s.store_key = p_store_key and c.joined_on <= p_until
    on conflict (store_id, customer_id) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_customers(text, bigint, date) is
    'Adds the missing customers of a store of the demo data; returns how many.

p_store_key: key of the store
p_scale: scale in millionths
p_until: last day of the data; who joins later is left out';
revoke execute on function zava.seed_customers(text, bigint, date) from public;

-- source: db/functions/seed/seed_days.sql
-- zava.seed_days(): how many orders a store expects on each day, in millionths, at scale 1.
-- Season (mean of the types by popularity) x growth of the year, with a dip in 2023, x weekday,
-- scaled so that the first six years add up to the store's number of orders. That window is fixed:
-- a day's number must not change when the data runs on. All of it is exact arithmetic.
create or replace function zava.seed_days(
    p_catalogue jsonb,
    p_store_key text,
    p_first date,
    p_last date
)
returns table (day date, expected bigint)
language plpgsql
immutable
parallel safe
security invoker
rows 400
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with season as materialized (
        select m.month, sum(t.popularity * t.month_index[m.month]) as weight
        from zava.seed_types(p_catalogue) as t
        cross join generate_series(1, 12) as m (month)
        group by m.month
    ),
    weights as (
        select d.day, s.weight
            * case extract(year from d.day)::integer
                when 2020 then 80 when 2021 then 93 when 2022 then 106 when 2023 then 94
                when 2024 then 108 when 2025 then 120
                else 130 + 8 * (extract(year from d.day)::integer - 2026)
            end
            * case
                when o.is_online
                    then (array[106, 102, 100, 98, 95, 97, 102])[o.weekday]
                -- shops close on Christmas Day and Thanksgiving, the fourth Thursday of November
                when to_char(d.day, 'MMDD') = '1225'
                    or (to_char(d.day, 'MMDD') between '1122' and '1128'
                        and o.weekday = 4)
                    then 0
                else (array[84, 80, 83, 90, 106, 146, 116])[o.weekday]
            end as weight
        from (
            select date '2020-07-01' + n.number as day
            from generate_series(0, greatest(p_last, date '2026-06-30') - date '2020-07-01')
                as n (number)
        ) as d
        join season as s on s.month = extract(month from d.day)
        cross join lateral (
            select p_store_key = 'online' as is_online,
                extract(isodow from d.day)::integer as weekday
        ) as o
    )
    select w.day, round(
        (select s.orders from zava.seed_shops() as s where s.store_key = p_store_key) * 1000000.0
        * w.weight / (select sum(t.weight) from weights as t where t.day <= date '2026-06-30')
    )::bigint
    from weights as w
    where w.day between p_first and p_last;
end;
$function$;

comment on function zava.seed_days(jsonb, text, date, date) is
    'Expected orders of a store by day at scale 1, in millionths of an order.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_first: first day
p_last: last day';
revoke execute on function zava.seed_days(jsonb, text, date, date) from public;

-- source: db/functions/seed/seed_first_names.sql
-- zava.seed_first_names(): first names of invented customers, some beyond ASCII.
create or replace function zava.seed_first_names()
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select array[
        'Aaliyah', 'Ada', 'Agnieszka', 'Ahmed', 'Aiko', 'Amara', 'Ana', 'André', 'Anika', 'Anh',
        'Arturo', 'Åsa', 'Ben', 'Bianca', 'Björn', 'Brandon', 'Camille', 'Carlos', 'Chidi',
        'Chloé', 'Connor', 'Dana', 'Daniel', 'Deepa', 'Diego', 'Dmitri', 'Élodie', 'Elena',
        'Emeka', 'Emily', 'Esther', 'Fatima', 'Felix', 'François', 'Gabriela', 'Grace', 'Hannah',
        'Hiroshi', 'Hye-jin', 'Ibrahim', 'Inés', 'Isaac', 'Jamal', 'Jan', 'Jessica', 'Joaquín',
        'Jordan', 'José', 'Joy', 'Kai', 'Karen', 'Kenji', 'Khadija', 'Kimberly', 'Lars', 'Lucía',
        'Luis', 'Maeve', 'Malik', 'María', 'Marcus', 'Megan', 'Mei', 'Minh', 'Miriam', 'Mónica',
        'Nadia', 'Nathan', 'Nia', 'Noémie', 'Ole', 'Olga', 'Omar', 'Paula', 'Peter', 'Priya',
        'Rachel', 'Ramón', 'Ravi', 'Renée', 'Rosa', 'Ryan', 'Saoirse', 'Sara', 'Sébastien',
        'Sofía', 'Søren', 'Tala', 'Tariq', 'Thandiwe', 'Tyler', 'Valentina', 'Wei', 'Xiomara',
        'Yara', 'Yusuf', 'Zoë', 'Zuzana'
    ];
end;

comment on function zava.seed_first_names() is 'First names of the customers of the demo data.';
revoke execute on function zava.seed_first_names() from public;

-- source: db/functions/seed/seed_inventory.sql
-- zava.seed_inventory(): adds the products that a store stocks; returns how many.
-- Stock, reorder level and the price of a later year come from seed_stock().
create or replace function zava.seed_inventory(
    p_catalogue jsonb,
    p_store_key text,
    p_until date
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint;
begin
    insert into retail.inventory (
        store_id, product_id, price, unit_cost, lead_time_days, created_at, updated_at
    )
    select
        s.store_id,
        a.product_id,
        a.price,
        a.unit_cost,
        -- a supplier delivers a type of product
        3 + zava.seed_number(a.type_no, 1, 15) + zava.seed_number(a.article_key, 3, 4),
        timestamptz '2020-07-01 00:00:00-07',
        timestamptz '2020-07-01 00:00:00-07'
    from zava.seed_assortment(p_catalogue, p_store_key, extract(year from p_until)::integer) as a
    join retail.stores as s on s.store_key = p_store_key
    on conflict (store_id, product_id) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_inventory(jsonb, text, date) is
    'Adds the products that a store of the demo data stocks and does not have yet; returns how many.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_until: last day of the data, which decides the price';
revoke execute on function zava.seed_inventory(jsonb, text, date) from public;

-- source: db/functions/seed/seed_key.sql
-- zava.seed_key(): the number that everything random about one thing of the demo data hangs on.
-- Keys are chained, store to day to order to line: the parent is the seed of the hash, so two
-- parts never meet. (hashint8extended folds its first argument to 32 bits; the seed it does not.)
create or replace function zava.seed_key(
    p_parent bigint,
    p_part bigint
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select hashint8extended(p_part, p_parent);
end;

comment on function zava.seed_key(bigint, bigint) is
    'Key of a part of something in the demo data; the same for ever.

p_parent: key of the whole
p_part: number of the part inside the whole';
revoke execute on function zava.seed_key(bigint, bigint) from public;

-- source: db/functions/seed/seed_last_names.sql
-- zava.seed_last_names(): last names of invented customers, some beyond ASCII.
create or replace function zava.seed_last_names()
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select array[
        'Abbott', 'Adeyemi', 'Ågren', 'Ahmadi', 'Álvarez', 'Andersen', 'Baker', 'Banerjee',
        'Beauchêne', 'Begay', 'Björklund', 'Brooks', 'Cano', 'Carter', 'Castañeda', 'Chavez',
        'Chen', 'Cho', 'Côté', 'Dávila', 'Dubois', 'Dvořák', 'Edwards', 'Ekström', 'Eriksen',
        'Farah', 'Fernández', 'Fischer', 'Fitzgerald', 'Foster', 'García', 'Gauthier', 'Gonzales',
        'Greene', 'Gupta', 'Gutiérrez', 'Haddad', 'Hansen', 'Hernández', 'Hoang', 'Horvat',
        'Hughes', 'Ibáñez', 'Ito', 'Jackson', 'Janssen', 'Jensen', 'Jiménez', 'Johansson',
        'Kahananui', 'Kaur', 'Kelly', 'Kim', 'Kowalski', 'Kwon', 'Larsen', 'Lee', 'Léger', 'Lopez',
        'Łukasik', 'MacLeod', 'Mbeki', 'Mendoza', 'Mitchell', 'Müller', 'Muñoz', 'Murphy',
        'Nakamura', 'Ndiaye', 'Nguyen', 'Novák', 'Nuñez', 'O''Brien', 'Okafor', 'Olsen',
        'Østergaard', 'Park', 'Patel', 'Peña', 'Pérez', 'Pham', 'Quintana', 'Ramírez', 'Reyes',
        'Robinson', 'Rossi', 'Sánchez', 'Sato', 'Schäfer', 'Silva', 'Singh', 'Šimić', 'Sullivan',
        'Tanaka', 'Torres', 'Tran', 'Vargas', 'Walker', 'Wójcik', 'Wong', 'Yamamoto', 'Yıldız',
        'Young', 'Zhang', 'Zúñiga'
    ];
end;

comment on function zava.seed_last_names() is 'Last names of the customers of the demo data.';
revoke execute on function zava.seed_last_names() from public;

-- source: db/functions/seed/seed_missing_orders.sql
-- zava.seed_missing_orders(): the orders of a store's days that the database does not hold yet.
-- Numbers of days are few beside the orders, so asking again costs little: a repeated or
-- smaller load finds nothing here and writes nothing.
create or replace function zava.seed_missing_orders(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, order_key bigint, day date, born_at bigint, is_cancelled boolean)
language plpgsql
stable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select k.order_id, k.order_key, k.day, k.born_at, k.is_cancelled
    from zava.seed_order_keys(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
    where not exists (
        select
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        where s.store_key = p_store_key and o.order_id = k.order_id
    );
end;
$function$;

comment on function zava.seed_missing_orders(jsonb, text, bigint, date, date) is
    'Sales orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_missing_orders(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_number.sql
-- zava.seed_number(): a whole number below a limit, drawn by hash instead of random().
-- Nothing depends on the order of rows, on parallel workers or on the version of PostgreSQL.
create or replace function zava.seed_number(
    p_key bigint,
    p_salt integer,
    p_limit integer
)
returns integer
language sql
immutable
parallel safe
security invoker
begin atomic
    select (((hashint8extended(p_salt, p_key) & 4294967295) * p_limit) >> 32)::integer;
end;

comment on function zava.seed_number(bigint, integer, integer) is
    'Evenly distributed number from 0 to p_limit - 1 that depends on nothing but the arguments.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers
p_limit: how many values there are';
revoke execute on function zava.seed_number(bigint, integer, integer) from public;

-- source: db/functions/seed/seed_order_keys.sql
-- zava.seed_order_keys(): every order that a store has on some days at a scale.
-- Order n of a day exists from the scale on at which expectation x scale, plus a fraction that is
-- the day's own, reaches n: a larger scale adds numbers and changes none. born_at is that scale in
-- millionths, rounded down. Whatever an order refers to must exist at born_at already.
create or replace function zava.seed_order_keys(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (order_id uuid, order_key bigint, day date, born_at bigint, is_cancelled boolean)
language plpgsql
immutable
parallel safe
security invoker
rows 10000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        zava.seed_uuid('order:' || p_store_key || ':' || d.day_no || ':' || n.number),
        k.order_key,
        d.day,
        (n.number * 1000000::bigint - d.fraction) * 1000000 / d.expected,
        zava.seed_number(k.order_key, 1, 1000) < case p_store_key when 'online' then 9 else 4 end
    from (
        select
            e.day,
            e.expected,
            e.day - date '2020-07-01' as day_no,
            zava.seed_key(s.shop_key, e.day - date '2020-07-01') as day_key,
            zava.seed_number(
                zava.seed_key(s.shop_key, e.day - date '2020-07-01'), 1, 1000000
            ) as fraction
        from zava.seed_days(p_catalogue, p_store_key, p_first, p_last) as e
        cross join zava.seed_shops() as s
        where s.store_key = p_store_key and e.expected > 0
    ) as d
    cross join lateral generate_series(
        1, (d.expected * p_scale / 1000000 + d.fraction) / 1000000
    ) as n (number)
    cross join lateral (select zava.seed_key(d.day_key, n.number) as order_key) as k;
end;
$function$;

comment on function zava.seed_order_keys(jsonb, text, bigint, date, date) is
    'Ids and keys of the sales orders that a store of the demo data has on some days.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_order_keys(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_order_lines.sql
-- zava.seed_order_lines(): the lines of a store's missing orders with product, price and discount.
-- A product comes once in a basket: a second line with it is dropped and the others close up.
create or replace function zava.seed_order_lines(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (
    order_id uuid,
    line_number integer,
    product_id uuid,
    quantity integer,
    unit_price numeric,
    unit_cost numeric,
    discount_percent numeric,
    discount_amount numeric
)
language plpgsql
stable
parallel safe
security invoker
rows 25000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with prices as materialized (
        select y.year, a.product_id, a.price, a.unit_cost
        from generate_series(
            extract(year from p_first)::integer, extract(year from p_last)::integer
        ) as y (year)
        cross join lateral zava.seed_assortment(p_catalogue, p_store_key, y.year) as a
    ),
    lines as materialized (
        select distinct on (b.order_id, p.product_id)
            b.order_id, p.product_id, b.line, b.line_key, b.year, b.type_no
        from zava.seed_basket_types(p_catalogue, p_store_key, p_scale, p_first, p_last) as b
        join zava.seed_product_picks(p_catalogue, p_store_key) as p
            on p.type_no = b.type_no and p.ticket = zava.seed_number(b.line_key, 3, 512)
        order by b.order_id, p.product_id, b.line
    ),
    priced as (
        select l.order_id, l.line, l.product_id, q.quantity, r.price, r.unit_cost,
            case
                when zava.seed_number(l.line_key, 4, 100) < 15
                    then 5 + 5 * zava.seed_number(l.line_key, 5, 4)
                else 0
            end as discount_percent
        from lines as l
        join zava.seed_quantity_picks(p_catalogue) as q
            on q.type_no = l.type_no and q.ticket = zava.seed_number(l.line_key, 6, 512)
        join prices as r on r.product_id = l.product_id and r.year = l.year
    )
    select p.order_id,
        row_number() over (partition by p.order_id order by p.line)::integer,
        p.product_id, p.quantity, p.price, p.unit_cost, p.discount_percent::numeric,
        round(p.quantity * p.price * p.discount_percent / 100, 2)
    from priced as p;
end;
$function$;

comment on function zava.seed_order_lines(jsonb, text, bigint, date, date) is
    'Lines of the orders of the demo data that a store does not have yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_order_lines(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_order_moment.sql
-- zava.seed_order_moment(): when on its day an order or return of the demo data happened.
-- Shops are open from 7 to 20 h, busiest before noon; online orders come round the clock, most of
-- them in the evening. The steps are the cumulated shares of the hours in per cent.
create or replace function zava.seed_order_moment(
    p_order_key bigint,
    p_salt integer,
    p_day date,
    p_is_online boolean
)
returns timestamptz
language sql
immutable
parallel safe
security invoker
begin atomic
    select (
        p_day::timestamp
        + make_interval(
            hours => case
                when p_is_online then width_bucket(
                    zava.seed_number(p_order_key, p_salt, 100),
                    array[
                        2, 3, 4, 5, 6, 7, 9, 12, 16, 21, 26, 31, 37, 42, 47, 52, 57, 63, 69, 77, 85,
                        92, 97
                    ]
                )
                else 7 + width_bucket(
                    zava.seed_number(p_order_key, p_salt, 100),
                    array[3, 9, 18, 29, 40, 50, 59, 68, 77, 86, 94, 98]
                )
            end,
            secs => zava.seed_number(p_order_key, p_salt + 1, 3600)
        )
    ) at time zone 'America/Los_Angeles';
end;

comment on function zava.seed_order_moment(bigint, integer, date, boolean) is
    'Moment of an order of the demo data on its day in Washington State.

p_order_key: key of the order
p_salt: which of the order''s numbers; the next one is used too
p_day: the day
p_is_online: true for the hours of the online shop';
revoke execute on function zava.seed_order_moment(bigint, integer, date, boolean) from public;

-- source: db/functions/seed/seed_orders.sql
-- zava.seed_orders(): adds the sales orders that a store lacks on some days; returns how many.
-- Orders and lines go in by one statement: the lines give the order its total.
create or replace function zava.seed_orders(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date
)
returns table (orders bigint, items bigint)
language plpgsql
volatile
parallel unsafe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with lines as materialized (
        select l.order_id, l.line_number, l.product_id, l.quantity, l.unit_price, l.unit_cost,
            l.discount_percent, l.discount_amount,
            l.quantity * l.unit_price - l.discount_amount as total_amount
        from zava.seed_order_lines(p_catalogue, p_store_key, p_scale, p_first, p_last) as l
    ),
    heads as materialized (
        select t.store_id, t.tax_rate, k.order_id, b.customer_id, k.is_cancelled,
            zava.seed_order_moment(k.order_key, 20, k.day, s.is_online) as order_date,
            -- invoices need a customer, cash needs a counter
            case
                when zava.seed_number(k.order_key, 22, 100) < 6 then 'gift_card'
                when zava.seed_number(k.order_key, 22, 100) < 10 and b.customer_id is not null
                    then 'invoice'
                when not s.is_online and zava.seed_number(k.order_key, 22, 100)
                    < case when b.customer_id is null then 55 else 22 end then 'cash'
                else 'card'
            end as payment_method
        from zava.seed_missing_orders(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join zava.seed_shops() as s on s.store_key = p_store_key
        join retail.stores as t on t.store_key = p_store_key
        left join zava.seed_buyers(p_catalogue, p_store_key, p_scale, p_first, p_last) as b
            on b.order_id = k.order_id
    ),
    new_orders as (
        insert into retail.orders (
            store_id, order_id, customer_id, order_date, status, payment_method, total_amount,
            tax_amount, created_at, updated_at
        )
        select h.store_id, h.order_id, h.customer_id, h.order_date,
            case when h.is_cancelled then 'cancelled' else 'completed' end, h.payment_method,
            t.total_amount, round(t.total_amount * h.tax_rate, 2), h.order_date, h.order_date
        from heads as h
        join (
            select l.order_id, sum(l.total_amount) as total_amount
            from lines as l
            group by l.order_id
        ) as t on t.order_id = h.order_id
        returning 1
    ),
    new_items as (
        insert into retail.order_items (
            store_id, order_id, line_number, product_id, order_date, quantity, unit_price,
            unit_cost, discount_percent, discount_amount, total_amount, created_at, updated_at
        )
        select h.store_id, l.order_id, l.line_number, l.product_id, h.order_date, l.quantity,
            l.unit_price, l.unit_cost, l.discount_percent, l.discount_amount, l.total_amount,
            h.order_date, h.order_date
        from lines as l
        join heads as h on h.order_id = l.order_id
        returning 1
    )
    select (select count(*) from new_orders), (select count(*) from new_items);
end;
$function$;

comment on function zava.seed_orders(jsonb, text, bigint, date, date) is
    'Adds the missing sales orders of a store of the demo data; returns how many orders and lines.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day
p_last: last day';
revoke execute on function zava.seed_orders(jsonb, text, bigint, date, date) from public;

-- source: db/functions/seed/seed_partner_picks.sql
-- zava.seed_partner_picks(): what is bought along with the first line of a basket.
-- Of 100 tickets the first 45 belong to the types that go with it; the rest draw freely.
create or replace function zava.seed_partner_picks(
    p_catalogue jsonb
)
returns table (type_no integer, ticket integer, partner_no integer)
language plpgsql
immutable
parallel safe
security invoker
rows 2500
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select t.type_no, n.ticket, p.type_no
    from zava.seed_types(p_catalogue) as t
    cross join generate_series(0, 44) as n (ticket)
    join zava.seed_types(p_catalogue) as p
        on p.type = t.goes_with[1 + n.ticket % cardinality(t.goes_with)]
    where cardinality(t.goes_with) > 0;
end;
$function$;

comment on function zava.seed_partner_picks(jsonb) is
    'Tickets 0 to 44 of 100 by product type, shared out to the types that go with it.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_partner_picks(jsonb) from public;

-- source: db/functions/seed/seed_price.sql
-- zava.seed_price(): what a store asks for a product in a calendar year.
-- Prices rise by a few per cent a year, most of it in 2022, and end on a nine. The recommended
-- price of the catalogue is that of 2026.
create or replace function zava.seed_price(
    p_list_price numeric,
    p_level numeric,
    p_year integer
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select floor(p_list_price * p_level * 10 * case
        when p_year <= 2020 then 0.82
        when p_year = 2021 then 0.85
        when p_year = 2022 then 0.91
        when p_year = 2023 then 0.95
        when p_year = 2024 then 0.965
        when p_year = 2025 then 0.98
        else 1 + 0.02 * (p_year - 2026)
    end) / 10 + 0.09;
end;

comment on function zava.seed_price(numeric, numeric, integer) is
    'Price of a product of the demo data in USD without tax, ending on a nine.

p_list_price: recommended price of the catalogue
p_level: price level of the store, 1 for the recommended price
p_year: calendar year';
revoke execute on function zava.seed_price(numeric, numeric, integer) from public;

-- source: db/functions/seed/seed_principals.sql
-- zava.seed_principals(): registers the identities of the demo that are missing; returns how many.
-- A store's principal has the id by which the reference architecture knows it.
create or replace function zava.seed_principals()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint := 0;
    v_new record;
begin
    for v_new in
        select n.name, n.kind, n.stores, coalesce(n.principal_id, gen_random_uuid()) as principal_id
        from (
            values
                ('seattle', 'store', array['seattle'],
                    uuid 'f47ac10b-58cc-4372-a567-0e02b2c3d479'),
                ('bellevue', 'store', array['bellevue'],
                    uuid '6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
                ('tacoma', 'store', array['tacoma'], uuid 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'),
                ('spokane', 'store', array['spokane'], uuid 'd8e9f0a1-b2c3-4567-8901-234567890abc'),
                ('everett', 'store', array['everett'], uuid '3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3'),
                ('redmond', 'store', array['redmond'], uuid 'e7f8a9b0-c1d2-3e4f-5678-90abcdef1234'),
                ('kirkland', 'store', array['kirkland'],
                    uuid '9c8b7a65-4321-fed0-9876-543210fedcba'),
                ('online', 'store', array['online'], uuid '2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2'),
                ('puget-sound', 'region', array[
                    'seattle', 'bellevue', 'tacoma', 'everett', 'redmond', 'kirkland'
                ], null),
                ('eastside', 'region', array['bellevue', 'redmond', 'kirkland'], null),
                ('head-office', 'head', '{}', null)
        ) as n (name, kind, stores, principal_id)
        where not exists (select from zava.principals as p where p.name = n.name)
    loop
        perform zava.create_principal(v_new.name, v_new.kind, v_new.stores, v_new.principal_id);
        v_added := v_added + 1;
    end loop;

    return v_added;
end;
$function$;

comment on function zava.seed_principals() is
    'Registers the principals of the demo that are missing: stores, two regions, head office.';
revoke execute on function zava.seed_principals() from public;

-- source: db/functions/seed/seed_product_picks.sql
-- zava.seed_product_picks(): the products of a store's types as 512 equal tickets a type.
-- Zipf's law with exponent 0.8 along the rank; numeric power() is exact everywhere.
create or replace function zava.seed_product_picks(
    p_catalogue jsonb,
    p_store_key text
)
returns table (type_no integer, ticket integer, product_id uuid)
language plpgsql
stable
parallel safe
security invoker
rows 28672
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with weights as (
        select a.type_no, a.rank, a.product_id,
            round(1000000 * power(a.rank::numeric, -0.8))::bigint as weight
        from zava.seed_assortment(p_catalogue, p_store_key, 2026) as a
    ),
    bounds as (
        select w.type_no, w.product_id, w.weight,
            sum(w.weight) over (partition by w.type_no order by w.rank) as upper_bound,
            sum(w.weight) over (partition by w.type_no) as total
        from weights as w
    )
    select b.type_no, t.ticket, b.product_id
    from bounds as b
    cross join lateral generate_series(
        ceil(512 * (b.upper_bound - b.weight) / b.total)::integer,
        ceil(512 * b.upper_bound / b.total)::integer - 1
    ) as t (ticket);
end;
$function$;

comment on function zava.seed_product_picks(jsonb, text) is
    'Tickets 0 to 511 of each product type, shared out to the products that a store stocks.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store';
revoke execute on function zava.seed_product_picks(jsonb, text) from public;

-- source: db/functions/seed/seed_quantity_picks.sql
-- zava.seed_quantity_picks(): how many pieces a line has, as 512 equal tickets a type.
-- One piece and then more with a fixed chance each (geometric), so that the mean is the
-- catalogue's pieces a line. Nobody buys more than 60 at once.
create or replace function zava.seed_quantity_picks(
    p_catalogue jsonb
)
returns table (type_no integer, ticket integer, quantity integer)
language plpgsql
immutable
parallel safe
security invoker
rows 28672
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with chances as (
        select t.type_no, round((t.units_per_line - 1) / t.units_per_line, 6) as more
        from zava.seed_types(p_catalogue) as t
    )
    select c.type_no, n.ticket, q.quantity
    from chances as c
    cross join generate_series(1, 60) as q (quantity)
    cross join lateral generate_series(
        ceil(512 * (1 - power(c.more, q.quantity - 1)))::integer,
        case q.quantity
            when 60 then 511
            else ceil(512 * (1 - power(c.more, q.quantity)))::integer - 1
        end
    ) as n (ticket);
end;
$function$;

comment on function zava.seed_quantity_picks(jsonb) is
    'Tickets 0 to 511 of each product type, shared out to numbers of pieces.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_quantity_picks(jsonb) from public;

-- source: db/functions/seed/seed_return_lines.sql
-- zava.seed_return_lines(): the returned lines that are due for a store's sales and still missing.
-- Whether an order comes back hangs on the order alone, so a later last day adds returns and
-- changes none. One line of such an order is sure to come back, each other one now and then.
create or replace function zava.seed_return_lines(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date,
    p_until date
)
returns table (
    order_id uuid,
    line_number integer,
    sale_id uuid,
    sale_line integer,
    order_date timestamptz,
    pieces integer
)
language plpgsql
stable
parallel safe
security invoker
rows 3000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with due as materialized (
        select t.store_id, k.order_id as sale_id, k.order_key,
            zava.seed_uuid('return:' || k.order_id) as order_id,
            zava.seed_order_moment(
                k.order_key, 32, k.day + 1 + zava.seed_number(k.order_key, 31, 30), t.is_online
            ) as order_date
        from zava.seed_order_keys(p_catalogue, p_store_key, p_scale, p_first, p_last) as k
        join retail.stores as t on t.store_key = p_store_key
        where not k.is_cancelled
            and zava.seed_number(k.order_key, 30, 1000) < case when t.is_online then 118 else 78 end
            and k.day + 1 + zava.seed_number(k.order_key, 31, 30) <= p_until
    ),
    sold as materialized (
        select d.order_id, d.sale_id, d.order_date, i.line_number, i.quantity,
            zava.seed_key(d.order_key, 1000 + i.line_number) as line_key,
            1 + zava.seed_number(
                d.order_key, 34, count(*) over (partition by d.order_id)::integer
            ) as sure_line
        from due as d
        join retail.order_items as i on i.store_id = d.store_id and i.order_id = d.sale_id
        where not exists (
            select from retail.orders as o where o.store_id = d.store_id and o.order_id = d.order_id
        )
    )
    select s.order_id,
        row_number() over (partition by s.order_id order by s.line_number)::integer,
        s.sale_id, s.line_number, s.order_date,
        case
            when zava.seed_number(s.line_key, 2, 100) < 70 then s.quantity
            else 1 + zava.seed_number(s.line_key, 3, s.quantity)
        end
    from sold as s
    where s.line_number = s.sure_line or zava.seed_number(s.line_key, 1, 100) < 20;
end;
$function$;

comment on function zava.seed_return_lines(jsonb, text, bigint, date, date, date) is
    'Lines that come back from a store''s sales of the demo data and are not there yet.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day of the sales
p_last: last day of the sales
p_until: last day of the data; what comes back later is left out';
revoke execute on function zava.seed_return_lines(jsonb, text, bigint, date, date, date)
    from public;

-- source: db/functions/seed/seed_returns.sql
-- zava.seed_returns(): adds the returns that are due for a store's sales; returns how many.
-- A return is an order of its own, 1 to 30 days after the sale, with negative lines that name the
-- lines they take back.
create or replace function zava.seed_returns(
    p_catalogue jsonb,
    p_store_key text,
    p_scale bigint,
    p_first date,
    p_last date,
    p_until date
)
returns table (orders bigint, items bigint)
language plpgsql
volatile
parallel unsafe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with lines as materialized (
        select i.store_id, l.order_id, l.line_number, l.sale_id, l.sale_line, l.order_date,
            i.product_id, i.unit_price, i.unit_cost, i.discount_percent, -l.pieces as quantity,
            -round(i.discount_amount * l.pieces / i.quantity, 2) as discount_amount
        from zava.seed_return_lines(
            p_catalogue, p_store_key, p_scale, p_first, p_last, p_until
        ) as l
        join retail.stores as s on s.store_key = p_store_key
        join retail.order_items as i
            on i.store_id = s.store_id
            and i.order_id = l.sale_id
            and i.line_number = l.sale_line
    ),
    new_orders as (
        insert into retail.orders (
            store_id, order_id, customer_id, order_date, status, payment_method, return_of,
            total_amount, tax_amount, created_at, updated_at
        )
        select t.store_id, t.order_id, o.customer_id, t.order_date, 'return', o.payment_method,
            t.sale_id, t.total_amount, round(t.total_amount * s.tax_rate, 2), t.order_date,
            t.order_date
        from (
            select l.store_id, l.order_id, l.sale_id, l.order_date,
                sum(l.quantity * l.unit_price - l.discount_amount) as total_amount
            from lines as l
            group by l.store_id, l.order_id, l.sale_id, l.order_date
        ) as t
        join retail.stores as s on s.store_id = t.store_id
        join retail.orders as o on o.store_id = t.store_id and o.order_id = t.sale_id
        returning 1
    ),
    new_items as (
        insert into retail.order_items (
            store_id, order_id, line_number, product_id, order_date, quantity, unit_price,
            unit_cost, discount_percent, discount_amount, total_amount, return_of_order_id,
            return_of_line_number, created_at, updated_at
        )
        select l.store_id, l.order_id, l.line_number, l.product_id, l.order_date, l.quantity,
            l.unit_price, l.unit_cost, l.discount_percent, l.discount_amount,
            l.quantity * l.unit_price - l.discount_amount, l.sale_id, l.sale_line,
            l.order_date, l.order_date
        from lines as l
        returning 1
    )
    select (select count(*) from new_orders), (select count(*) from new_items);
end;
$function$;

comment on function zava.seed_returns(jsonb, text, bigint, date, date, date) is
    'Adds the missing returns of a store of the demo data; returns how many orders and lines.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_scale: scale in millionths
p_first: first day of the sales
p_last: last day of the sales
p_until: last day of the data; what comes back later is left out';
revoke execute on function zava.seed_returns(jsonb, text, bigint, date, date, date) from public;

-- source: db/functions/seed/seed_shops.sql
-- zava.seed_shops(): the eight stores of Zava Retail and what tells them apart.
-- All numbers of size are those of scale 1: 200,000 orders up to 2026-06-30 and 50,000 customers
-- (26,000 founders and 4,000 a year). Share of customers: Seattle 30, Bellevue 25, Tacoma 20,
-- Spokane 8, online 30; orders a customer: 3.0, 2.6, 2.4, 2.0, 3.0; lines a basket follow the
-- value of a purchase: 1.3, 1.2, 1.1, 1.0, 1.5.
create or replace function zava.seed_shops()
returns table (
    shop_key bigint,
    store_key text,
    name text,
    city text,
    is_online boolean,
    tax_rate numeric,
    opened_on date,
    orders integer,
    founders integer,
    joiners integer,
    mean_lines numeric,
    price_level numeric,
    assortment_percent integer,
    customer_cities text[]
)
language sql
immutable
parallel safe
security invoker
rows 8
begin atomic
    select
        hashtextextended('store:' || v.store_key, 0),
        v.store_key,
        'Zava Retail ' || v.name,
        v.city,
        v.store_key = 'online',
        v.tax_rate,
        v.opened_on,
        v.orders,
        v.founders,
        v.joiners,
        v.mean_lines,
        v.price_level,
        v.assortment_percent,
        v.customer_cities
    from (
        values
            ('seattle', 'Seattle', 'Seattle', 0.1035, date '2009-03-14', 53900, 6100, 900,
                2.70, 1.00, 93, array['Seattle', 'Seattle', 'Shoreline', 'Burien', 'Renton']),
            ('bellevue', 'Bellevue', 'Bellevue', 0.1020, date '2011-05-07', 38900, 5100, 800,
                2.50, 1.03, 88, array['Bellevue', 'Bellevue', 'Issaquah', 'Mercer Island']),
            ('tacoma', 'Tacoma', 'Tacoma', 0.1030, date '2012-09-22', 28700, 4100, 600,
                2.30, 0.99, 84, array['Tacoma', 'Tacoma', 'Lakewood', 'Puyallup', 'Federal Way']),
            ('spokane', 'Spokane', 'Spokane', 0.0900, date '2013-04-20', 9600, 1600, 300,
                2.10, 0.97, 76, array['Spokane', 'Spokane', 'Spokane Valley', 'Cheney']),
            ('everett', 'Everett', 'Everett', 0.0990, date '2014-10-04', 5400, 1000, 200,
                2.10, 0.99, 70, array['Everett', 'Everett', 'Marysville', 'Mukilteo', 'Snohomish']),
            ('redmond', 'Redmond', 'Redmond', 0.1030, date '2015-06-13', 6000, 1200, 200,
                2.10, 1.02, 67, array['Redmond', 'Redmond', 'Sammamish', 'Duvall']),
            ('kirkland', 'Kirkland', 'Kirkland', 0.1030, date '2017-05-20', 3600, 800, 100,
                2.00, 1.02, 62, array['Kirkland', 'Kirkland', 'Bothell', 'Woodinville']),
            ('online', 'Online', 'Seattle', 0.1035, date '2016-02-01', 53900, 6100, 900,
                3.12, 0.98, 100, array[
                    'Seattle', 'Spokane', 'Vancouver', 'Olympia', 'Bellingham', 'Yakima',
                    'Kennewick', 'Wenatchee', 'Port Angeles', 'Walla Walla'
                ])
    ) as v (
        store_key, name, city, tax_rate, opened_on, orders, founders, joiners, mean_lines,
        price_level, assortment_percent, customer_cities
    );
end;

comment on function zava.seed_shops() is
    'The stores of the demo data with their sizes at scale 1 and their habits.';
revoke execute on function zava.seed_shops() from public;

-- source: db/functions/seed/seed_signup_day.sql
-- zava.seed_signup_day(): the day on which a customer of the demo data was registered.
-- Cohort 0 are the founders, registered before the first sale; cohort n those of business year n,
-- which runs from July to June.
create or replace function zava.seed_signup_day(
    p_customer_key bigint,
    p_cohort integer
)
returns date
language sql
immutable
parallel safe
security invoker
begin atomic
    select case
        when p_cohort = 0
            then date '2020-06-30' - zava.seed_number(p_customer_key, 2, 1000)
        else make_date(2019 + p_cohort, 7, 1) + zava.seed_number(
            p_customer_key, 2, make_date(2020 + p_cohort, 7, 1) - make_date(2019 + p_cohort, 7, 1)
        )
    end;
end;

comment on function zava.seed_signup_day(bigint, integer) is
    'Day on which a customer of the demo data was registered.

p_customer_key: key of the customer
p_cohort: 0 for founders, else the business year, 1 from July 2020';
revoke execute on function zava.seed_signup_day(bigint, integer) from public;

-- source: db/functions/seed/seed_slices.sql
-- zava.seed_slices(): the portions in which orders are made, about 30,000 at most each.
-- Bounds the memory of one statement at large scales and lets a progress bar move.
create or replace function zava.seed_slices(
    p_scale bigint,
    p_until date
)
returns table (store_key text, first_day date, last_day date, share double precision)
language plpgsql
immutable
parallel safe
security invoker
rows 20
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with portions as (
        select
            s.store_key,
            s.orders,
            d.first_day::date as first_day,
            least(d.first_day::date + p.days - 1, p_until) as last_day
        from zava.seed_shops() as s
        cross join lateral (
            -- scale 1 spreads its orders over 2,191 days
            select greatest(1, 30000 * 2191000000::bigint / (s.orders * p_scale))::integer as days
        ) as p
        cross join lateral (
            select date '2020-07-01' + n.number as first_day
            from generate_series(0, p_until - date '2020-07-01', p.days) as n (number)
        ) as d
    )
    select
        p.store_key,
        p.first_day,
        p.last_day,
        p.orders * (p.last_day - p.first_day + 1)
            / sum(p.orders * (p.last_day - p.first_day + 1)::double precision) over ()
    from portions as p
    order by p.store_key, p.first_day;
end;
$function$;

comment on function zava.seed_slices(bigint, date) is
    'Portions of store and days in which the orders of the demo data are made; share is of the work.

p_scale: scale in millionths
p_until: last day of the data';
revoke execute on function zava.seed_slices(bigint, date) from public;

-- source: db/functions/seed/seed_stock.sql
-- zava.seed_stock(): writes a store's stock ledger anew from its orders; returns the rows written.
-- Derived state: opening stock and deliveries are made to fit the sales (seed_supplies), sales and
-- returns are those of the order lines, and the stock level is the sum of it all.
create or replace function zava.seed_stock(
    p_catalogue jsonb,
    p_store_key text,
    p_until date
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store_id uuid;
    v_first date;
    v_last date;
    v_written bigint;
begin
    select
        s.store_id,
        least(date '2020-07-01', (min(o.order_date) at time zone s.time_zone)::date),
        greatest(p_until, (max(o.order_date) at time zone s.time_zone)::date)
    into v_store_id, v_first, v_last
    from retail.stores as s
    left join retail.orders as o on o.store_id = s.store_id
    where s.store_key = p_store_key
    group by s.store_id;

    delete from retail.stock_movements as m where m.store_id = v_store_id;

    insert into retail.stock_movements (
        store_id, product_id, moved_on, kind, quantity, created_at, updated_at
    )
    select v_store_id, m.product_id, m.moved_on, m.kind, m.quantity,
        m.moved_on::timestamp at time zone 'America/Los_Angeles',
        m.moved_on::timestamp at time zone 'America/Los_Angeles'
    from (
        select d.product_id, d.moved_on,
            case when d.moved_on = v_first then 'opening' else 'receipt' end as kind, d.quantity
        from zava.seed_supplies(v_store_id, v_first, v_last) as d
        union all
        select t.product_id, t.moved_on, k.kind, k.quantity::integer
        from zava.seed_traffic(v_store_id) as t
        cross join lateral (values ('sale', -t.sold), ('return', t.returned)) as k (kind, quantity)
        where k.quantity <> 0
    ) as m;
    get diagnostics v_written = row_count;

    update retail.inventory as i
    set stock_level = m.on_hand,
        reorder_level = ceil(1.3 * i.lead_time_days * m.sold / (v_last - v_first + 1)) + 1,
        price = coalesce(a.price, i.price),
        unit_cost = coalesce(a.unit_cost, i.unit_cost),
        updated_at = (v_last + 1)::timestamp at time zone 'America/Los_Angeles'
    from (
        select v.product_id, coalesce(sum(s.quantity), 0) as on_hand,
            coalesce(-sum(s.quantity) filter (where s.kind = 'sale'), 0) as sold
        from retail.inventory as v
        left join retail.stock_movements as s
            on s.store_id = v.store_id and s.product_id = v.product_id
        where v.store_id = v_store_id
        group by v.product_id
    ) as m
    left join zava.seed_assortment(p_catalogue, p_store_key, extract(year from v_last)::integer)
        as a on a.product_id = m.product_id
    where i.store_id = v_store_id and i.product_id = m.product_id;

    return v_written;
end;
$function$;

comment on function zava.seed_stock(jsonb, text, date) is
    'Writes the stock ledger and stock levels of a store anew from its orders; returns ledger rows.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_until: last day of the ledger, or the last order''s if that is later';
revoke execute on function zava.seed_stock(jsonb, text, date) from public;

-- source: db/functions/seed/seed_stores.sql
-- zava.seed_stores(): adds the stores that are missing; returns how many.
-- First step of a load: the lock makes a second load wait, while readers and shops go on.
create or replace function zava.seed_stores()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint;
begin
    lock table retail.stores in share row exclusive mode;

    insert into retail.stores (
        store_id, store_key, name, city, is_online, tax_rate, opened_on, created_at, updated_at
    )
    select
        zava.seed_uuid('store:' || s.store_key),
        s.store_key,
        s.name,
        s.city,
        s.is_online,
        s.tax_rate,
        s.opened_on,
        timestamptz '2020-07-01 00:00:00-07',
        timestamptz '2020-07-01 00:00:00-07'
    from zava.seed_shops() as s
    on conflict (lower(store_key)) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_stores() is
    'Adds the stores of the demo data that are missing; returns how many.';
revoke execute on function zava.seed_stores() from public;

-- source: db/functions/seed/seed_supplies.sql
-- zava.seed_supplies(): what a store's suppliers deliver, so that its sales never lack goods.
-- Supply up to the start of a month must cover all sales to the month's end, less what came back
-- before, plus a safety stock. The safety stock is nothing in some months: the product runs out
-- and the next delivery waits for the first. Otherwise deliveries come up to five days early.
create or replace function zava.seed_supplies(
    p_store_id uuid,
    p_first date,
    p_last date
)
returns table (product_id uuid, moved_on date, quantity integer)
language plpgsql
stable
parallel safe
security invoker
rows 20000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with traffic as materialized (
        select d.product_id, date_trunc('month', d.moved_on::timestamp)::date as month,
            sum(d.sold) as sold, sum(d.returned) as returned
        from zava.seed_traffic(p_store_id) as d
        group by d.product_id, date_trunc('month', d.moved_on::timestamp)::date
    ),
    months as materialized (
        select i.product_id, m.month::date as month,
            m.month::date - date '2020-01-01' as month_salt,
            uuid_hash_extended(i.product_id, uuid_hash_extended(p_store_id, 0)) as shelf_key,
            coalesce(t.sold, 0) as sold, coalesce(t.returned, 0) as returned,
            avg(coalesce(t.sold, 0)) over (partition by i.product_id) as mean_sold
        from retail.inventory as i
        cross join generate_series(
            date_trunc('month', p_first::timestamp), p_last::timestamp, interval '1 month'
        ) as m (month)
        left join traffic as t on t.product_id = i.product_id and t.month = m.month::date
        where i.store_id = p_store_id
    ),
    needs as (
        select m.product_id, m.month, m.month_salt, m.shelf_key, s.safety,
            sum(m.sold - m.returned) over (partition by m.product_id order by m.month)
                + m.returned + s.safety as need
        from months as m
        cross join lateral (
            select case
                when zava.seed_number(m.shelf_key, m.month_salt, 100) < 8
                    and m.month > date_trunc('month', p_first::timestamp) then 0
                else 2 + zava.seed_number(m.shelf_key, 0, 4)
                    + ceil(
                        m.mean_sold * (20 + zava.seed_number(m.shelf_key, -m.month_salt, 100)) / 100
                    )
            end as safety
        ) as s
    ),
    supplies as (
        select n.product_id, n.month, n.month_salt, n.shelf_key,
            max(n.need) over (partition by n.product_id order by n.month) as supply,
            lag(n.safety, 1, 0) over (partition by n.product_id order by n.month) as safety_before
        from needs as n
    ),
    deliveries as (
        select s.product_id,
            case
                when s.safety_before = 0 then greatest(s.month, p_first)
                else s.month - zava.seed_number(s.shelf_key, s.month_salt + 1, 6)
            end as moved_on,
            s.supply - lag(s.supply, 1, 0) over (partition by s.product_id order by s.month)
                as quantity
        from supplies as s
    )
    select d.product_id, d.moved_on, d.quantity::integer from deliveries as d where d.quantity > 0;
end;
$function$;

comment on function zava.seed_supplies(uuid, date, date) is
    'Deliveries to a store by product and day; the first of a product is its opening stock.

p_store_id: the store
p_first: day of the opening stock
p_last: last day of the ledger';
revoke execute on function zava.seed_supplies(uuid, date, date) from public;

-- source: db/functions/seed/seed_traffic.sql
-- zava.seed_traffic(): pieces sold and returned in a store by product and day.
-- Counts every order of the store, also those that are not demo data; cancelled ones moved nothing.
create or replace function zava.seed_traffic(
    p_store_id uuid
)
returns table (product_id uuid, moved_on date, sold bigint, returned bigint)
language plpgsql
stable
parallel safe
security invoker
rows 50000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select i.product_id, (i.order_date at time zone s.time_zone)::date,
        sum(greatest(i.quantity, 0)), -sum(least(i.quantity, 0))
    from retail.orders as o
    join retail.order_items as i on i.store_id = o.store_id and i.order_id = o.order_id
    join retail.stores as s on s.store_id = o.store_id
    where o.store_id = p_store_id
        and o.status <> 'cancelled'
        and exists (
            select from retail.inventory as v
            where v.store_id = i.store_id and v.product_id = i.product_id
        )
    group by i.product_id, (i.order_date at time zone s.time_zone)::date;
end;
$function$;

comment on function zava.seed_traffic(uuid) is
    'Pieces sold and returned in a store by product and day of its time zone.

p_store_id: the store';
revoke execute on function zava.seed_traffic(uuid) from public;

-- source: db/functions/seed/seed_type_picks.sql
-- zava.seed_type_picks(): what the season puts into a basket, as 2,048 equal tickets a month.
-- A ticket per (month, number) turns a weighted draw into one hash join. Weights are whole numbers,
-- so that the last ticket of a type is the same on every platform.
create or replace function zava.seed_type_picks(
    p_catalogue jsonb
)
returns table (month integer, ticket integer, type_no integer)
language plpgsql
immutable
parallel safe
security invoker
rows 24576
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with weights as (
        select m.month, t.type_no,
            round(1000000 * t.popularity * t.month_index[m.month])::bigint as weight
        from zava.seed_types(p_catalogue) as t
        cross join generate_series(1, 12) as m (month)
    ),
    bounds as (
        select w.month, w.type_no, w.weight,
            sum(w.weight) over (partition by w.month order by w.type_no) as upper_bound,
            sum(w.weight) over (partition by w.month) as total
        from weights as w
    )
    select b.month, t.ticket, b.type_no
    from bounds as b
    cross join lateral generate_series(
        ceil(2048 * (b.upper_bound - b.weight) / b.total)::integer,
        ceil(2048 * b.upper_bound / b.total)::integer - 1
    ) as t (ticket);
end;
$function$;

comment on function zava.seed_type_picks(jsonb) is
    'Tickets 0 to 2047 of each month, shared out to the product types by popularity and season.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_type_picks(jsonb) from public;

-- source: db/functions/seed/seed_types.sql
-- zava.seed_types(): the product types of a catalogue file as rows, with what drives demand.
-- The catalogue's order numbers them.
create or replace function zava.seed_types(
    p_catalogue jsonb
)
returns table (
    type_no integer,
    category text,
    type text,
    popularity numeric,
    units_per_line numeric,
    month_index numeric[],
    goes_with text[],
    products jsonb
)
language plpgsql
immutable
parallel safe
security invoker
rows 60
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    select
        row_number() over (order by c.position, t.position)::integer,
        c.document ->> 'category',
        t.document ->> 'type',
        (t.document ->> 'popularity')::numeric,
        (t.document ->> 'units_per_line')::numeric,
        array(
            select m.value::numeric
            from jsonb_array_elements_text(c.document -> 'month_index')
                with ordinality as m (value, position)
            order by m.position
        ),
        array(
            select g.value
            from jsonb_array_elements_text(t.document -> 'goes_with')
                with ordinality as g (value, position)
            order by g.position
        ),
        t.document -> 'products'
    from jsonb_array_elements(p_catalogue) with ordinality as c (document, position)
    cross join lateral jsonb_array_elements(c.document -> 'types')
        with ordinality as t (document, position)
    order by 1;
end;
$function$;

comment on function zava.seed_types(jsonb) is
    'The product types of a catalogue with popularity, pieces a line and demand by month.

p_catalogue: the catalogue, an array with one document a category';
revoke execute on function zava.seed_types(jsonb) from public;

-- source: db/functions/seed/seed_uniform.sql
-- zava.seed_uniform(): a fraction drawn by hash, for choices that seed_number() cannot express.
-- 53 bits, so the division is exact on every platform.
create or replace function zava.seed_uniform(
    p_key bigint,
    p_salt integer
)
returns double precision
language sql
immutable
parallel safe
security invoker
begin atomic
    select (hashint8extended(p_salt, p_key) & 9007199254740991)::double precision
        / 9007199254740992::double precision;
end;

comment on function zava.seed_uniform(bigint, integer) is
    'Evenly distributed fraction from 0 to below 1 that depends on nothing but the arguments.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers';
revoke execute on function zava.seed_uniform(bigint, integer) from public;

-- source: db/functions/seed/seed_uuid.sql
-- zava.seed_uuid(): id made from a natural key, so that the same thing has the same id everywhere.
-- Marked as version 8 of RFC 9562 (made by a rule of one's own); gen_random_uuid() makes version 4.
create or replace function zava.seed_uuid(
    p_natural_key text
)
returns uuid
language sql
immutable
parallel safe
security invoker
begin atomic
    select (
        lpad(to_hex(hashtextextended(p_natural_key, 1) & -61441 | 32768), 16, '0')
        || lpad(to_hex(hashtextextended(p_natural_key, 2) & 4611686018427387903
            | (-9223372036854775807 - 1)), 16, '0')
    )::uuid;
end;

comment on function zava.seed_uuid(text) is
    'Id of a thing of the demo data; the same for ever.

p_natural_key: what names the thing, for example store:seattle';
revoke execute on function zava.seed_uuid(text) from public;

-- source: db/functions/seed/seed_weighted_rank.sql
-- zava.seed_weighted_rank(): a rank drawn so that the low ones come up more often.
-- u * sqrt(u) is a power law, and IEEE 754 rounds sqrt() the same way everywhere (unlike power()).
create or replace function zava.seed_weighted_rank(
    p_key bigint,
    p_salt integer,
    p_limit bigint
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select least(
        p_limit,
        1 + floor(
            p_limit * zava.seed_uniform(p_key, p_salt) * sqrt(zava.seed_uniform(p_key, p_salt))
        )
    )::bigint;
end;

comment on function zava.seed_weighted_rank(bigint, integer, bigint) is
    'Rank from 1 to p_limit by a power law: the first fifth of the ranks gets a third of the draws.

p_key: key of the thing that it is drawn for
p_salt: which of the thing''s numbers
p_limit: highest rank; 0 gives 0';
revoke execute on function zava.seed_weighted_rank(bigint, integer, bigint) from public;

-- source: db/functions/analytics/_day_start.sql
-- api._day_start(): the moment at which a day begins in a time zone. Not a tool.
-- Not midnight: where clocks go back from one to midnight (Azores, Havana) there are two, and
-- PostgreSQL takes the second; the sales of an hour would lie before their day. The last moment of
-- the day before comes once, or the later one is meant. But where clocks go forward from eleven to
-- midnight (Greenland) there is none such, and PostgreSQL takes one of the new day. There midnight
-- comes once. So it is the earlier of the two.
create or replace function api._day_start(
    p_day date,
    p_time_zone text
)
returns timestamptz
language sql
stable
parallel safe
security invoker
begin atomic
    select least(
        ((p_day::timestamp - interval '1 microsecond') at time zone p_time_zone)
            + interval '1 microsecond',
        p_day::timestamp at time zone p_time_zone
    );
end;

comment on function api._day_start(date, text) is
    'First moment of a day in a time zone; -infinity and infinity stay what they are.

p_day: the day
p_time_zone: IANA time zone';
revoke execute on function api._day_start(date, text) from public;
grant execute on function api._day_start(date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_customers.sql
-- api._base_customers(): orders of one store by customer and day, from the orders. Not a tool.
-- The one place where orders become the measures of retail.daily_customers. An order's total is the
-- sum of its lines; its cost is in the lines only, as is what it sold where it took something back too,
-- and is looked up order by order, for an order without lines counts too.
create or replace function api._base_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    customer_id uuid,
    sold_on date,
    orders bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        o.customer_id,
        d.sold_on,
        count(*) filter (where o.status = 'completed'),
        coalesce(sum(c.gross_revenue), 0),
        sum(o.total_amount),
        coalesce(sum(c.cost), 0)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    cross join lateral (
        select sum(i.quantity * i.unit_cost) as cost,
            sum(i.total_amount) filter (where i.quantity > 0) as gross_revenue
        from retail.order_items as i
        where i.store_id = s.store_id and i.order_id = o.order_id
    ) as c
    where o.customer_id is not null and o.status in ('completed', 'return')
    group by o.customer_id, d.sold_on;
end;

comment on function api._base_customers(uuid, date, date) is
    'Orders, revenue and cost of one store by customer and day, computed from the orders.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_customers(uuid, date, date) from public;
grant execute on function api._base_customers(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_orders.sql
-- api._base_orders(): completed orders of one store by day, from the orders. Not a tool.
-- Beside api._base_sales() and like it: orders do not add up over categories.
create or replace function api._base_orders(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (sold_on date, orders bigint)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            s.time_zone,
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select d.sold_on, count(*)
    from span as s
    join retail.orders as o
        on o.store_id = s.store_id
        and o.order_date >= s.moment_from
        and o.order_date < s.moment_to
    cross join lateral (select (o.order_date at time zone s.time_zone)::date as sold_on) as d
    where o.status = 'completed'
    group by d.sold_on;
end;
$function$;

comment on function api._base_orders(uuid, date, date) is
    'Completed orders of one store by day.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_orders(uuid, date, date) from public;
grant execute on function api._base_orders(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_base_sales.sql
-- api._base_sales(): sales of one store by day and category from its order lines. Not a tool.
-- The one place where lines become the measures of the rollup: zava.refresh_daily_sales() stores
-- what this says, and reports ask it for days that are not stored yet.
-- Not SQL, which would be planned as a part of each report: where all days are stored, nothing asks
-- for this, and planning it took as long as the rest of a small report.
create or replace function api._base_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    sold_on date,
    category_id uuid,
    lines bigint,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    -- Materialized, so that the moments are plain values by the time they meet the index.
    with span as materialized (
        select
            s.store_id,
            api._day_start(p_from, s.time_zone) as moment_from,
            api._day_start(p_to + 1, s.time_zone) as moment_to
        from retail.stores as s
        where s.store_id = p_store_id
    )
    select
        l.sold_on,
        l.category_id,
        count(*),
        count(distinct l.order_id) filter (where not l.is_return),
        sum(l.quantity),
        coalesce(-sum(l.quantity) filter (where l.is_return), 0),
        coalesce(sum(l.total_amount) filter (where not l.is_return), 0),
        sum(l.total_amount),
        sum(l.cost),
        sum(l.discount_amount)
    from span as s
    join api.sale_lines as l
        on l.store_id = s.store_id
        and l.order_date >= s.moment_from
        and l.order_date < s.moment_to
    group by l.sold_on, l.category_id;
end;
$function$;

comment on function api._base_sales(uuid, date, date) is
    'Sales of one store by day and category, computed from the lines.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._base_sales(uuid, date, date) from public;
grant execute on function api._base_sales(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_category_id.sql
-- api._category_id(): id of a category by its name, in any case. Not a tool.
-- An unknown name gets the nearest one and all others as a hint: the catalogue is shared by all
-- stores, so that naming it tells nothing.
create or replace function api._category_id(
    p_category text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_asked constant text := lower(btrim(p_category));
    v_category_id uuid;
    v_names text[];
begin
    if p_category is null then
        return null;
    end if;

    select c.category_id
    into v_category_id
    from retail.categories as c
    where lower(c.name) = v_asked
    -- Two may differ in case alone: then the one that is written so.
    order by c.name = btrim(p_category) desc, c.name
    limit 1;

    if v_category_id is null then
        select array_agg(c.name order by c.name) into v_names from retail.categories as c;

        raise exception 'there is no category %', left(p_category, 60)
            using errcode = 'invalid_parameter_value',
                  hint = concat(
                      'Did you mean ' || api._nearest(v_asked, v_names) || '? ',
                      'Categories: ', array_to_string(v_names, ', '), '.'
                  );
    end if;

    return v_category_id;
end;
$function$;

comment on function api._category_id(text) is
    'Id of a category; an error with the nearest name when there is none of that name.

p_category: name of a category in any case, for example Hand Tools; null gives null';
revoke execute on function api._category_id(text) from public;
grant execute on function api._category_id(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_customers.sql
-- api._daily_customers(): orders of one store by customer and day, wherever they are kept. Not a
-- tool. Like api._daily_sales(), but of one store: what a report sums up by customer is summed up
-- store by store, in a table of groups that fits the processor's cache.
create or replace function api._daily_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns table (
    customer_id uuid,
    sold_on date,
    orders integer,
    gross_revenue numeric,
    revenue numeric,
    cost numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select d.customer_id, d.sold_on, d.orders, d.gross_revenue, d.revenue, d.cost
    from retail.stores as s
    join retail.daily_customers as d on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
    where s.store_id = p_store_id and d.sold_on between p_from and p_to
    union all
    select b.customer_id, b.sold_on, b.orders::integer, b.gross_revenue, b.revenue, b.cost
    from retail.stores as s
    cross join lateral api._base_customers(
        s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to
    ) as b
    where s.store_id = p_store_id and (s.rolled_up_to < p_to or s.rolled_up_to is null);
end;

comment on function api._daily_customers(uuid, date, date) is
    'Orders, revenue and cost of one store by customer and day of its time zone.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_customers(uuid, date, date) from public;
grant execute on function api._daily_customers(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_revenue.sql
-- api._daily_revenue(): revenue by store and day, days without sales included. Not a tool.
-- Days that the rollup holds come from there, later ones from the orders, whose total is the sum of
-- their lines: one index-only scan a store.
-- The stores are read once, each time more would be one more check of the context.
-- A store's series begins on the day of its first sale, wherever p_from lies.
create or replace function api._daily_revenue(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (store_id uuid, day date, revenue numeric)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_open date;
    v_range record;
begin
    -- The first day that some store's rollup lacks; later ones are looked for in the orders.
    select min(coalesce(s.rolled_up_to + 1, p_from))
    into v_open
    from retail.stores as s
    where p_stores is null or s.store_id = any (p_stores);
    select r.moment_from, r.moment_to
    into v_range
    from api._date_range(least(greatest(p_from, v_open, date '1900-01-01'), p_to), p_to) as r;

    return query
    with stores as materialized (
        select s.store_id, s.time_zone, s.rolled_up_to
        from retail.stores as s
        where p_stores is null or s.store_id = any (p_stores)
    ),
    sales as materialized (
        select d.store_id, d.sold_on as day, d.revenue
        from stores as s
        join retail.daily_totals as d
            on d.store_id = s.store_id and d.sold_on <= s.rolled_up_to
        where d.sold_on between p_from and p_to
        union all
        select o.store_id, t.day, sum(o.total_amount)
        from stores as s
        join retail.orders as o on o.store_id = s.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between p_from and p_to
            and (s.rolled_up_to is null or t.day > s.rolled_up_to)
        group by o.store_id, t.day
    ),
    starts as (
        select s.store_id, greatest(p_from, (f.order_date at time zone s.time_zone)::date) as day
        from stores as s
        cross join lateral (
            select o.order_date
            from retail.orders as o
            where o.store_id = s.store_id and o.status in ('completed', 'return')
            order by o.order_date
            limit 1
        ) as f
    )
    select t.store_id, t.day + n.days, coalesce(a.revenue, 0)
    from starts as t
    cross join lateral generate_series(0, p_to - t.day) as n (days)
    left join sales as a on a.store_id = t.store_id and a.day = t.day + n.days
    order by t.store_id, t.day + n.days;
end;
$function$;

comment on function api._daily_revenue(uuid[], date, date) is
    'Revenue in USD by store and day of its time zone, from its first sale on; 0 on days without sales.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_revenue(uuid[], date, date) from public;
grant execute on function api._daily_revenue(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_sales.sql
-- api._daily_sales(): sales by store, day and category, wherever they are kept. Not a tool.
-- Days up to stores.rolled_up_to come from the rollup, later ones from the lines: one snapshot
-- sees both, so that a day is never counted twice or left out. The stores are read once: each
-- table with policies costs a check of the context.
create or replace function api._daily_sales(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    category_id uuid,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        s.store_id,
        d.sold_on,
        d.category_id,
        d.orders,
        d.units,
        d.returned_units,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    cross join lateral (
        select
            t.sold_on,
            t.category_id,
            t.orders::bigint as orders,
            t.units::bigint as units,
            t.returned_units::bigint as returned_units,
            t.gross_revenue,
            t.revenue,
            t.cost,
            t.discount_amount
        from retail.daily_sales as t
        where t.store_id = s.store_id
            and t.sold_on between p_from and p_to
            and t.sold_on <= s.rolled_up_to
        union all
        select
            b.sold_on,
            b.category_id,
            b.orders,
            b.units,
            b.returned_units,
            b.gross_revenue,
            b.revenue,
            b.cost,
            b.discount_amount
        from api._base_sales(s.store_id, greatest(p_from, s.rolled_up_to + 1), p_to) as b
        where s.rolled_up_to < p_to or s.rolled_up_to is null
    ) as d
    where p_stores is null or s.store_id = any (p_stores);
end;

comment on function api._daily_sales(uuid[], date, date) is
    'Sales by store, day of its time zone and category. Orders are those with a sold line of the category.

p_stores: ids of the stores; null for all that the caller sees
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_sales(uuid[], date, date) from public;
grant execute on function api._daily_sales(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_store_totals.sql
-- api._daily_store_totals(): sales of one store by day, wherever they are kept. Not a tool.
-- Days that the store has closed come from the rollup, later ones from the lines. A day that is not
-- stored yet comes in several rows, which add up: one a category, and one with the number of orders,
-- which categories do not tell. The last closed day is an argument, for who asks has read the store: to
-- read it here would be one more check of the context.
create or replace function api._daily_store_totals(
    p_store_id uuid,
    p_rolled_up_to date,
    p_from date,
    p_to date
)
returns table (
    sold_on date,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        t.sold_on,
        t.orders::bigint,
        t.units::bigint,
        t.returned_units::bigint,
        t.gross_revenue,
        t.revenue,
        t.cost,
        t.discount_amount
    from retail.daily_totals as t
    where t.store_id = p_store_id
        and t.sold_on between p_from and p_to
        and t.sold_on <= p_rolled_up_to
    union all
    select
        b.sold_on,
        0::bigint,
        b.units,
        b.returned_units,
        b.gross_revenue,
        b.revenue,
        b.cost,
        b.discount_amount
    from api._base_sales(p_store_id, greatest(p_from, p_rolled_up_to + 1), p_to) as b
    where p_rolled_up_to < p_to or p_rolled_up_to is null
    union all
    select b.sold_on, b.orders, 0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric, 0::numeric
    from api._base_orders(p_store_id, greatest(p_from, p_rolled_up_to + 1), p_to) as b
    where p_rolled_up_to < p_to or p_rolled_up_to is null;
end;

comment on function api._daily_store_totals(uuid, date, date, date) is
    'Sales of one store by day of its time zone; a day may come in several rows that add up.

p_store_id: the store
p_rolled_up_to: its last day in the rollup; null for none
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_store_totals(uuid, date, date, date) from public;
grant execute on function api._daily_store_totals(uuid, date, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_daily_totals.sql
-- api._daily_totals(): sales by store and day, wherever they are kept. Not a tool.
-- Like api._daily_sales(), of the stores' api._daily_store_totals().
create or replace function api._daily_totals(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    sold_on date,
    orders bigint,
    units bigint,
    returned_units bigint,
    gross_revenue numeric,
    revenue numeric,
    cost numeric,
    discount_amount numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        s.store_id,
        d.sold_on,
        d.orders,
        d.units,
        d.returned_units,
        d.gross_revenue,
        d.revenue,
        d.cost,
        d.discount_amount
    from retail.stores as s
    cross join lateral api._daily_store_totals(s.store_id, s.rolled_up_to, p_from, p_to) as d
    where p_stores is null or s.store_id = any (p_stores);
end;

comment on function api._daily_totals(uuid[], date, date) is
    'Sales by store and day of its time zone; a day may come in several rows that add up.

p_stores: ids of the stores; null for all that the caller sees
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._daily_totals(uuid[], date, date) from public;
grant execute on function api._daily_totals(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_date_range.sql
-- api._date_range(): checked first and last day of a report, and moments around them. Not a tool.
-- A report filters by its stores' local days, which no index knows. The two moments enclose these
-- days in every time zone (UTC+14 to UTC-12): a filter on order_date beside it keeps the index.
-- Days to come are cut off: with them, the days so far would be compared with more days than these.
create or replace function api._date_range(
    p_from date,
    p_to date,
    p_days integer default 30
)
returns table (date_from date, date_to date, moment_from timestamptz, moment_to timestamptz)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_to date;
    v_from date;
    v_today date;
    v_wrong constant date := case
        when p_from not between date '1900-01-01' and date '2999-12-31' then p_from
        when p_to not between date '1900-01-01' and date '2999-12-31' then p_to
    end;
begin
    if v_wrong is not null then
        raise exception 'date out of range: %', v_wrong
            using errcode = 'invalid_parameter_value',
                  hint = 'Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.';
    end if;

    v_to := coalesce(p_to, api._newest_day());
    if v_to < p_from then
        raise exception 'p_to (%) is before p_from (%)', v_to, p_from
            using errcode = 'invalid_parameter_value',
                  hint = case
                      when p_to is null then 'p_to is the day of the newest sale unless given.'
                      else 'Swap the two dates.'
                  end;
    end if;

    -- Today is the stores' own; only near the server's is it looked up.
    if p_to >= current_date - 1 then
        select max((now() at time zone s.time_zone)::date) into v_today from retail.stores as s;
        if p_to > v_today then
            v_to := greatest(least(p_to, greatest(v_today, api._newest_day())), p_from);
        end if;
    end if;
    v_from := coalesce(p_from, v_to - p_days + 1);

    return query
    select
        v_from,
        v_to,
        (v_from::timestamp - interval '14 hours') at time zone 'UTC',
        ((v_to + 1)::timestamp + interval '12 hours') at time zone 'UTC';
end;
$function$;

comment on function api._date_range(date, date, integer) is
    'Checked days of a report, with the moments that enclose them in every time zone. Nulls where there are no sales to take a default from.

p_from: first day, inclusive; null for p_days before p_to
p_to: last day, inclusive; null for the day of the newest sale that the caller sees; later than today in every store counts as today or the day of the newest sale
p_days: length of the period when p_from is null, in days';
revoke execute on function api._date_range(date, date, integer) from public;
grant execute on function api._date_range(date, date, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_forecast.sql
-- api._forecast(): a forecast by the method that proved best, with an interval. Not a tool.
-- Back-test: each method forecasts the last windows of p_horizon days from what was known before
-- them. The one with the smallest error is taken if it beats the seasonal-naive baseline, else the
-- baseline. How far the truth was from its forecasts then, as a ratio, gives the interval; a ratio
-- says nothing of forecasts below zero. Of n ratios, one more falls below the k-th with k / (n + 1):
-- were the share of the n themselves taken, the interval would hold less than it says, of ten days
-- two thirds of 80 %. Where there are too few for p_level, it has the widest that was seen. Of fewer
-- than nine that holds less than 80 %, of one none at all: then there is no interval. Days on which
-- nothing was forecast, as where a store is closed, have no ratio and are none of the n.
create or replace function api._forecast(
    p_revenue numeric[],
    p_horizon integer,
    p_level numeric
)
returns table (
    step integer,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_days constant integer := cardinality(p_revenue);
    -- A method that goes by last year needs 60 weeks before the earliest window, and more than a day
    -- or two to be chosen by. The forecast and all windows go by one rule: errors of other forecasts
    -- say nothing of this one.
    v_yearly constant boolean := v_days >= 420 + greatest(28, p_horizon);
    v_windows constant integer := least(
        greatest(2, ceil(112.0 / p_horizon)::integer),
        (v_days - case when v_yearly then 420 else 28 end) / p_horizon
    );
    v_tested constant integer := v_windows * p_horizon;
begin
    return query
    with candidates as materialized (
        select k.back, c.step, p_revenue[v_days - k.back * p_horizon + c.step] as actual,
            m.method, m.forecast
        from generate_series(0, v_windows) as k (back)
        cross join lateral api._forecast_candidates(
            p_revenue, v_days - k.back * p_horizon, p_horizon, v_yearly
        ) as c
        cross join lateral (
            values
                ('seasonal naive', c.seasonal_naive),
                ('recent level', c.recent_level),
                ('seasonal growth', c.seasonal_growth)
        ) as m (method, forecast)
    ),
    errors as (
        select c.method,
            sum(abs(c.actual - c.forecast)) filter (where c.back > 0) as error,
            sum(abs(c.actual)) filter (where c.back > 0) as size
        from candidates as c
        group by c.method
        having count(c.forecast) = count(*)
    ),
    best as (
        -- By the amount: a store that sold nothing there has errors too, but no percentage.
        select e.method, api._percent(e.error, e.size) as error
        from errors as e
        order by e.error, e.method = 'seasonal naive' desc, e.method
        limit 1
    ),
    ratios as materialized (
        select c.actual / c.forecast as ratio
        from candidates as c
        join best as b on b.method = c.method
        where c.back > 0 and c.forecast > 0
    ),
    tails as (
        select greatest(
            0, ((count(*) + 1) * (100 - p_level) / 200 - 1) / (count(*) - 1)
        )::double precision as tail
        from ratios as r
        having count(*) >= 9
    ),
    -- No row where there are too few.
    bounds as (
        select percentile_cont(array[t.tail, 1 - t.tail]) within group (order by r.ratio) as ends
        from tails as t
        cross join ratios as r
        group by t.tail
    )
    select c.step, round(c.forecast, 2),
        case when c.forecast >= 0 then round(c.forecast * i.ends[1]::numeric, 2) end,
        case when c.forecast >= 0 then round(c.forecast * i.ends[2]::numeric, 2) end,
        b.method, b.error,
        (select api._percent(e.error, e.size) from errors as e where e.method = 'seasonal naive'),
        v_tested
    from candidates as c
    join best as b on b.method = c.method
    left join bounds as i on true
    where c.back = 0
    order by c.step;
end;
$function$;

comment on function api._forecast(numeric[], integer, numeric) is
    'Forecast of a daily series with interval, method and errors of the back-test.

p_revenue: revenue by day, without gaps, at least 28 + p_horizon days
p_horizon: days to forecast, up to 180
p_level: percent of the days that should lie within the interval';
revoke execute on function api._forecast(numeric[], integer, numeric) from public;
grant execute on function api._forecast(numeric[], integer, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_forecast_candidates.sql
-- api._forecast_candidates(): what three simple methods say about the days after a history.
-- Not a tool. Needs no table: tests feed it series whose nature they know.
-- seasonal_naive: with p_yearly the same weekday 52 weeks before, else of the last week.
-- recent_level:   mean of the last four weeks, times the weekday's share.
-- seasonal_growth: mean of the five weeks around the same day last year, times the weekday's share,
--                  times the growth of the last eight weeks over the same weeks last year; only
--                  with p_yearly.
create or replace function api._forecast_candidates(
    p_revenue numeric[],
    p_days integer,
    p_horizon integer,
    p_yearly boolean
)
returns table (
    step integer,
    seasonal_naive numeric,
    recent_level numeric,
    seasonal_growth numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with days as materialized (
        select d.day::integer, d.revenue,
            avg(d.revenue) over (order by d.day rows between 17 preceding and 17 following) as level
        from unnest(p_revenue[1:p_days]) with ordinality as d (revenue, day)
    ),
    weekdays as (
        select d.day % 7 as weekday,
            avg(d.revenue) / nullif(avg(avg(d.revenue)) over (), 0) as share
        from days as d
        where d.day > p_days - 364
        group by d.day % 7
    ),
    levels as (
        select
            avg(d.revenue) filter (where d.day > p_days - 28) as recent,
            sum(d.revenue) filter (where d.day > p_days - 56) / nullif(
                sum(d.revenue) filter (where d.day > p_days - 420 and d.day <= p_days - 364), 0
            ) as growth
        from days as d
    )
    select t.step,
        case when p_yearly then y.revenue else w.revenue end,
        l.recent * k.share,
        case when p_yearly then y.level * k.share * l.growth end
    from generate_series(1, p_horizon) as t (step)
    cross join levels as l
    join weekdays as k on k.weekday = (p_days + t.step) % 7
    join days as w on w.day = p_days - 6 + (t.step - 1) % 7
    left join days as y on y.day = p_days + t.step - 364;
end;
$function$;

comment on function api._forecast_candidates(numeric[], integer, integer, boolean) is
    'Forecasts by three methods for the days after the first p_days of a series; null where a method has too little to go by.

p_revenue: revenue by day, without gaps
p_days: days that are known, at least 28; with p_yearly 420
p_horizon: days to forecast, up to 180
p_yearly: whether to go by last year';
revoke execute on function api._forecast_candidates(numeric[], integer, integer, boolean) from public;
grant execute on function api._forecast_candidates(numeric[], integer, integer, boolean)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_growth.sql
-- api._growth(): change in percent of the earlier value. Not a tool.
create or replace function api._growth(
    p_now numeric,
    p_before numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select case when p_before > 0 then round(100 * (p_now - p_before) / p_before, 2) end;
end;

comment on function api._growth(numeric, numeric) is
    'Change from an earlier value to a later one in percent of the earlier; null unless that is above zero.

p_now: the later value
p_before: the earlier value';
revoke execute on function api._growth(numeric, numeric) from public;
grant execute on function api._growth(numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_has_stores.sql
-- api._has_stores(): whether the caller sees any store. Not a tool. A function, for it is seldom asked: a
-- statement that read the stores itself would pay for getting ready to, each time.
create or replace function api._has_stores()
returns boolean
language sql
stable
parallel restricted
security invoker
begin atomic
    select exists (select from retail.stores);
end;

comment on function api._has_stores() is
    'Whether there is a store that the caller sees.';
revoke execute on function api._has_stores() from public;
grant execute on function api._has_stores() to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_insights.sql
-- api._insights(): what is worth saying about one figure, by rule. Not a tool.
-- Amounts and counts: a change of 5 % or more. Percentages: a change of 1 point or more, and 10 %
-- of the pieces or more coming back. Nothing is said of a figure with no rule. No other text.
create or replace function api._insights(
    p_metric text,
    p_value numeric,
    p_previous numeric,
    p_year_ago numeric,
    p_days integer
)
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(
        array_agg(i.sentence order by i.place) filter (where i.sentence is not null), '{}'
    )
    from (
        select n.name, n.is_share,
            p_metric = 'revenue' and p_value = 0 as is_empty
        from (
            values
                ('revenue', 'Revenue', false),
                ('orders', 'The number of orders', false),
                ('average_basket', 'The average basket', false),
                ('margin_percent', 'The margin', true),
                ('return_rate', 'The return rate', true),
                ('active_customers', 'The number of active customers', false),
                ('new_customers', 'The number of new customers', false)
        ) as n (metric, name, is_share)
        where n.metric = p_metric
    ) as k
    cross join lateral (
        select 0, 'There was no revenue in this period.'
        where k.is_empty
        union all
        select c.place, case
            when p_metric = 'revenue' and c.before = 0
                then format('There was no revenue %s to compare with.', c.absent)
            when k.is_share and abs(p_value - c.before) >= 1
                then format(
                    '%s %s by %s points to %s %%, compared with %s.', k.name, d.verb,
                    round(abs(p_value - c.before), 1), round(p_value, 1), c.compared
                )
            when not k.is_share and abs(api._growth(p_value, c.before)) >= 5
                then format(
                    '%s %s by %s %%, compared with %s.', k.name, d.verb,
                    round(abs(api._growth(p_value, c.before)), 1), c.compared
                )
        end
        from (
            values
                (
                    1, p_previous, 'just before',
                    case p_days when 1 then 'the day' else format('the %s days', p_days) end
                        || ' before'
                ),
                (2, p_year_ago, 'a year ago', 'the same days a year ago')
        ) as c (place, before, absent, compared)
        cross join lateral (
            select case when p_value > c.before then 'rose' else 'fell' end
        ) as d (verb)
        where not k.is_empty
        union all
        select 3, format('For 100 pieces sold, %s came back.', round(p_value, 1))
        where p_metric = 'return_rate' and p_value >= 10
    ) as i (place, sentence);
end;

comment on function api._insights(text, numeric, numeric, numeric, integer) is
    'Sentences about one figure of a store, by stated rules; an empty array when none applies.

p_metric: name of the figure
p_value: its value in the period
p_previous: its value in the period before
p_year_ago: its value in the same period a year ago
p_days: length of the period';
revoke execute on function api._insights(text, numeric, numeric, numeric, integer) from public;
grant execute on function api._insights(text, numeric, numeric, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_last_full_day.sql
-- api._last_full_day(): newest day of sales that is over in all stores that the caller sees. Not a tool.
-- A day of which half is missing looks like a bad one, and draws a forecast down. Looks for the newest
-- sale as api._newest_day() does, whose stores would be read once more, for one more check of the context.
create or replace function api._last_full_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select least(max(n.day), min((now() at time zone s.time_zone)::date) - 1)
    from retail.stores as s
    left join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n on true;
end;

comment on function api._last_full_day() is
    'Day of the newest sale or return that the caller sees, or the day before today where that one is not over in each store''s time zone.';
revoke execute on function api._last_full_day() from public;
grant execute on function api._last_full_day() to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_nearest.sql
-- api._nearest(): the name that is most like another, for the hint of an error. Not a tool.
-- The one that shares most of its three-letter pieces: this needs no extension. Of a text of megabytes the
-- beginning is compared.
create or replace function api._nearest(
    p_asked text,
    p_names text[]
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select k.name
    from unnest(p_names) as k (name)
    cross join lateral (
        select count(*) as pieces
        from generate_series(1, least(length(p_asked), 60) - 2) as n (first)
        where position(substr(lower(left(p_asked, 60)), n.first, 3) in lower(k.name)) > 0
    ) as p
    where p.pieces > 0
    order by p.pieces desc, k.name
    limit 1;
end;

comment on function api._nearest(text, text[]) is
    'Name that shares most of its three-letter pieces with a text; null when none shares any.

p_asked: what was asked for
p_names: names that there are';
revoke execute on function api._nearest(text, text[]) from public;
grant execute on function api._nearest(text, text[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_newest_day.sql
-- api._newest_day(): day of the newest sale or return that the caller sees. Not a tool.
-- One probe of the index a store, not a maximum over all orders.
create or replace function api._newest_day()
returns date
language sql
stable
parallel restricted
security invoker
begin atomic
    select max(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date desc
        limit 1
    ) as n;
end;

comment on function api._newest_day() is
    'Day of the newest sale or return that the caller sees, in the time zone of its store. Null when there is none.';
revoke execute on function api._newest_day() from public;
grant execute on function api._newest_day() to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_oldest_day.sql
-- api._oldest_day(): day of the first sale of these stores. Not a tool.
-- One probe of the index a store, like api._newest_day(). With one plan: reports that have their own
-- statements planned for the values at hand would have this planned anew each time.
create or replace function api._oldest_day(
    p_stores uuid[]
)
returns date
language sql
stable
parallel restricted
security invoker
set plan_cache_mode = force_generic_plan
begin atomic
    select min(n.day)
    from retail.stores as s
    cross join lateral (
        select (o.order_date at time zone s.time_zone)::date as day
        from retail.orders as o
        where o.store_id = s.store_id and o.status in ('completed', 'return')
        order by o.order_date
        limit 1
    ) as n
    where p_stores is null or s.store_id = any (p_stores);
end;

comment on function api._oldest_day(uuid[]) is
    'Day of the first sale of some stores, in the time zone of its store. Null when there is none.

p_stores: ids of the stores; null for all that the caller sees';
revoke execute on function api._oldest_day(uuid[]) from public;
grant execute on function api._oldest_day(uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_percent.sql
-- api._percent(): a part in percent of the whole. Not a tool.
create or replace function api._percent(
    p_part numeric,
    p_whole numeric
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select round(100 * p_part / nullif(greatest(p_whole, 0), 0), 2);
end;

comment on function api._percent(numeric, numeric) is
    'A part in percent of the whole, with two decimals; null unless the whole is above zero.

p_part: the part
p_whole: the whole';
revoke execute on function api._percent(numeric, numeric) from public;
grant execute on function api._percent(numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_performance.sql
-- api._performance(): the figures of one store for a period, the period before and a year ago.
-- Not a tool. A customer is new when the first completed order at this store lies in the period.
-- Orders are asked for by "any" of one store: were it an equality like that of the fence, PostgreSQL
-- would compare the two in a node of its own, through which it would hand every row. The first order
-- of each who bought is looked up by itself, one row of an index, for a join would read all orders that
-- the store ever had; "any" would have it sort them. Customers are counted period by period, in
-- subqueries: to group them PostgreSQL sorts where it expects few, as it does under row-level security.
create or replace function api._performance(
    p_store_id uuid,
    p_time_zone text,
    p_rolled_up_to date,
    p_from date,
    p_to date
)
returns table (
    place integer,
    metric text,
    unit text,
    value numeric,
    previous numeric,
    year_ago numeric
)
language sql
stable
parallel restricted
security invoker
begin atomic
    -- 1 the period, 2 as many days before, 3 a year ago: numbers, for text takes longer to compare.
    with periods as materialized (
        select
            p.period,
            p.day_from,
            p.day_to,
            api._day_start(p.day_from, p_time_zone) as moment_from,
            api._day_start(p.day_to + 1, p_time_zone) as moment_to
        from (
            values
                (1, p_from, p_to),
                (2, p_from - (p_to - p_from) - 1, p_from - 1),
                (3, (p_from - interval '1 year')::date, (p_to - interval '1 year')::date)
        ) as p (period, day_from, day_to)
    ),
    sales as (
        select
            p.period,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0) as orders,
            coalesce(sum(d.units), 0) as units,
            coalesce(sum(d.returned_units), 0) as returned_units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from periods as p
        left join api._daily_store_totals(
            p_store_id,
            p_rolled_up_to,
            least(p_from - (p_to - p_from) - 1, (p_from - interval '1 year')::date),
            p_to
        ) as d on d.sold_on between p.day_from and p.day_to
        group by p.period
    ),
    active as (
        select p.period, o.customer_id
        from periods as p
        join retail.orders as o
            on o.order_date >= p.moment_from and o.order_date < p.moment_to
        where o.store_id = any (array[p_store_id])
            and o.status = 'completed'
            and o.customer_id is not null
        group by p.period, o.customer_id
    ),
    first_orders as materialized (
        select
            (
                select o.order_date
                from retail.orders as o
                where o.store_id = p_store_id
                    and o.customer_id = b.customer_id
                    and o.status = 'completed'
                order by o.order_date
                limit 1
            ) as order_date
        from (select distinct a.customer_id from active as a) as b
    ),
    customers as materialized (
        select
            p.period,
            (select count(*) from active as a where a.period = p.period) as active,
            (
                select count(*)
                from first_orders as f
                where f.order_date >= p.moment_from and f.order_date < p.moment_to
            ) as new
        from periods as p
    )
    select
        m.place,
        m.metric,
        m.unit,
        max(m.value) filter (where s.period = 1),
        max(m.value) filter (where s.period = 2),
        max(m.value) filter (where s.period = 3)
    from sales as s
    join customers as c on c.period = s.period
    cross join lateral (
        values
            (1, 'revenue', 'USD', s.revenue),
            (2, 'gross_revenue', 'USD', s.gross_revenue),
            (3, 'orders', 'count', s.orders),
            (4, 'units', 'count', s.units),
            (5, 'average_basket', 'USD', round(s.gross_revenue / nullif(s.orders, 0), 2)),
            (6, 'margin', 'USD', s.margin),
            (7, 'margin_percent', 'percent', api._percent(s.margin, s.revenue)),
            (8, 'returned_units', 'count', s.returned_units),
            (9, 'returned_revenue', 'USD', s.gross_revenue - s.revenue),
            (
                10, 'return_rate', 'percent',
                api._percent(s.returned_units, s.units + s.returned_units)
            ),
            (11, 'active_customers', 'count', c.active),
            (12, 'new_customers', 'count', c.new),
            (13, 'returning_customers', 'count', c.active - c.new)
    ) as m (place, metric, unit, value)
    group by m.place, m.metric, m.unit;
end;

comment on function api._performance(uuid, text, date, date, date) is
    'The figures of one store for a period, as many days before and the same days a year ago, a row each.

p_store_id: the store
p_time_zone: its time zone
p_rolled_up_to: its last day in the rollup; null for none
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._performance(uuid, text, date, date, date) from public;
grant execute on function api._performance(uuid, text, date, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_require_choice.sql
-- api._require_choice(): refuses a word that is not one of a few. Not a tool.
create or replace function api._require_choice(
    p_name text,
    p_value text,
    p_choices text[]
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or p_value <> all (p_choices) then
        raise exception '% is not a choice of %', coalesce(left(p_value, 60), 'null'), p_name
            using errcode = 'invalid_parameter_value',
                  hint = format('Use one of: %s.', array_to_string(p_choices, ', '));
    end if;
end;
$function$;

comment on function api._require_choice(text, text, text[]) is
    'Raises an error that lists the choices unless a word is one of them.

p_name: parameter that the error names
p_value: its value
p_choices: the words allowed';
revoke execute on function api._require_choice(text, text, text[]) from public;
grant execute on function api._require_choice(text, text, text[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_require_range.sql
-- api._require_range(): refuses a number that is null or out of its range. Not a tool.
create or replace function api._require_range(
    p_name text,
    p_value numeric,
    p_low numeric,
    p_high numeric
)
returns void
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if p_value is null or not (p_value between p_low and p_high) then
        raise exception '% out of range: %', p_name, coalesce(left(p_value::text, 60), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = format('Use a number from %s to %s.', p_low, p_high);
    end if;
end;
$function$;

comment on function api._require_range(text, numeric, numeric, numeric) is
    'Raises an error that tells the range unless a number lies in it.

p_name: parameter that the error names
p_value: its value
p_low: smallest value allowed
p_high: largest value allowed';
revoke execute on function api._require_range(text, numeric, numeric, numeric) from public;
grant execute on function api._require_range(text, numeric, numeric, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_sold_before.sql
-- api._sold_before(): whether stores sold anything of a category before a day. Not a tool. A function, like
-- api._has_stores(), for it is seldom asked, and reads all days there are where the answer is no.
create or replace function api._sold_before(
    p_stores uuid[],
    p_category_id uuid,
    p_day date
)
returns boolean
language sql
stable
parallel restricted
security invoker
begin atomic
    select exists (
        select
        from api._daily_sales(p_stores, '-infinity', p_day - 1) as d
        where d.category_id = p_category_id
    );
end;

comment on function api._sold_before(uuid[], uuid, date) is
    'Whether there is a sale or return of a category before a day.

p_stores: ids of the stores; null for all that the caller sees
p_category_id: the category
p_day: the day';
revoke execute on function api._sold_before(uuid[], uuid, date) from public;
grant execute on function api._sold_before(uuid[], uuid, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_span.sql
-- api._span(): the moments between which the days of a report lie. Not a tool.
-- Reports filter by these: order_date has an index, a day computed from it has none, and the
-- planner cannot guess how many rows a computed day keeps. Where the stores lie in several time
-- zones, the moments enclose all of them, and the report has to look at sold_on too.
-- Moments are handed over as values: an expression with a time zone in it would not be used for an
-- index under row-level security, for it is not leakproof.
create or replace function api._span(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (moment_from timestamptz, moment_to timestamptz, is_exact boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        min(api._day_start(p_from, s.time_zone)),
        max(api._day_start(p_to + 1, s.time_zone)),
        min(s.time_zone) = max(s.time_zone)
    from retail.stores as s
    where s.store_id = any (p_stores);
end;

comment on function api._span(uuid[], date, date) is
    'First moment of a day and first moment after another, in the time zones of some stores; is_exact when these are one.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._span(uuid[], date, date) from public;
grant execute on function api._span(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_stock_days.sql
-- api._stock_days(): demand and stock-outs by product, from the stock ledger. Not a tool.
-- The level at the start is the present one less what moved since, so that only the window is
-- read. Between two days with movements the level stays: no row a day is made.
-- A day without stock and without a sale says nothing about demand and is left out of it. Those
-- before a product's opening stock say nothing about stock-outs either: it was not kept yet.
create or replace function api._stock_days(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    store_id uuid,
    product_id uuid,
    units bigint,
    out_days integer,
    selling_days integer,
    daily_variance numeric
)
language plpgsql
stable
parallel restricted
security invoker
rows 20000
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
begin
    return query
    with days as (
        select m.store_id, m.product_id, m.moved_on as day, sum(m.quantity) as moved,
            coalesce(-sum(m.quantity) filter (where m.kind = 'sale'), 0) as sold,
            bool_or(m.kind = 'opening') as is_opening
        from retail.stock_movements as m
        where (p_stores is null or m.store_id = any (p_stores)) and m.moved_on >= p_from
        group by m.store_id, m.product_id, m.moved_on
    ),
    levels as (
        select t.store_id, t.product_id, t.day, t.sold,
            i.stock_level - coalesce(
                sum(t.moved) over (
                    partition by t.store_id, t.product_id
                    order by t.day desc
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as level,
            lead(t.day, 1, p_to + 1) over w as next_day,
            lead(t.is_opening, 1, false) over w as is_before_opening
        from (
            select d.store_id, d.product_id, d.day, d.moved, d.sold, d.is_opening from days as d
            union all
            select n.store_id, n.product_id, p_from - 1, 0, 0, false
            from retail.inventory as n
            where (p_stores is null or n.store_id = any (p_stores))
        ) as t
        join retail.inventory as i on i.store_id = t.store_id and i.product_id = t.product_id
        window w as (partition by t.store_id, t.product_id order by t.day)
    ),
    counted as (
        select l.store_id, l.product_id,
            sum(l.sold) as units,
            sum(l.sold * l.sold) as squares,
            coalesce(sum(o.days) filter (where not l.is_before_opening), 0) as out_days,
            -- Sold out in the course of a day: it ends without stock, but sold.
            sum(o.days) - count(*) filter (where o.days > 0 and l.sold > 0) as lost_days
        from levels as l
        cross join lateral (
            select case
                when l.level <= 0
                    then greatest(0, least(l.next_day, p_to + 1) - greatest(l.day, p_from))
                else 0
            end as days
        ) as o
        where l.day <= p_to
        group by l.store_id, l.product_id
    )
    select c.store_id, c.product_id, c.units::bigint, c.out_days::integer, n.days,
        greatest(0, c.squares - c.units * c.units / nullif(n.days, 0)::numeric)
            / nullif(n.days - 1, 0)
    from counted as c
    cross join lateral (select (p_to - p_from + 1 - c.lost_days)::integer as days) as n;
end;
$function$;

comment on function api._stock_days(uuid[], date, date) is
    'Pieces sold, days that ended without stock, days on which something could be sold, and the variance of pieces sold on those, by store and product.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._stock_days(uuid[], date, date) from public;
grant execute on function api._stock_days(uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_store_daily_customers.sql
-- zava._store_daily_customers(): writes the rollup by customer of one store and some days, beside
-- zava._store_daily_sales() and like it. Only rows that differ are written.
create or replace function zava._store_daily_customers(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns bigint
language sql
volatile
parallel unsafe
security invoker
begin atomic
    with fresh as materialized (
        select b.* from api._base_customers(p_store_id, p_from, p_to) as b
    ),
    gone as (
        delete from retail.daily_customers as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and not exists (
                select from fresh as f
                where f.customer_id = d.customer_id and f.sold_on = d.sold_on
            )
        returning 1
    ),
    kept as (
        insert into retail.daily_customers as d (
            store_id, customer_id, sold_on, orders, gross_revenue, revenue, cost
        )
        select p_store_id, f.customer_id, f.sold_on, f.orders, f.gross_revenue, f.revenue, f.cost
        from fresh as f
        on conflict (store_id, customer_id, sold_on) do update
        set orders = excluded.orders, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost, updated_at = now()
        where (d.orders, d.gross_revenue, d.revenue, d.cost)
            is distinct from
            (excluded.orders, excluded.gross_revenue, excluded.revenue, excluded.cost)
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from kept);
end;

comment on function zava._store_daily_customers(uuid, date, date) is
    'Writes the daily rollup by customer of one store anew and tells how many rows that changed.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function zava._store_daily_customers(uuid, date, date) from public;

-- source: db/functions/analytics/_store_daily_sales.sql
-- zava._store_daily_sales(): writes the rollup of one store and some days, for
-- zava.refresh_daily_sales(), which holds the lock and moves the mark. Not a tool.
-- One statement, one snapshot: both tables tell the same. Only rows that differ are written, by day: who
-- reads some days of a store finds them together.
create or replace function zava._store_daily_sales(
    p_store_id uuid,
    p_from date,
    p_to date
)
returns bigint
language sql
volatile
parallel unsafe
security invoker
begin atomic
    with fresh as materialized (
        select b.* from api._base_sales(p_store_id, p_from, p_to) as b
    ),
    totals as materialized (
        select b.sold_on, sum(b.lines) as lines, sum(b.orders) as orders, sum(b.units) as units,
            sum(b.returned_units) as returned_units, sum(b.gross_revenue) as gross_revenue,
            sum(b.revenue) as revenue, sum(b.cost) as cost,
            sum(b.discount_amount) as discount_amount
        from (
            select f.sold_on, f.lines, 0 as orders, f.units, f.returned_units, f.gross_revenue,
                f.revenue, f.cost, f.discount_amount
            from fresh as f
            union all
            select o.sold_on, 0, o.orders, 0, 0, 0, 0, 0, 0
            from api._base_orders(p_store_id, p_from, p_to) as o
        ) as b
        group by b.sold_on
    ),
    gone as (
        delete from retail.daily_sales as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and (d.sold_on, d.category_id) not in (
                select f.sold_on, f.category_id from fresh as f
            )
        returning 1
    ),
    gone_totals as (
        delete from retail.daily_totals as d
        where d.store_id = p_store_id
            and d.sold_on between p_from and p_to
            and d.sold_on not in (select t.sold_on from totals as t)
        returning 1
    ),
    kept as (
        insert into retail.daily_sales as d (
            store_id, sold_on, category_id, lines, orders, units, returned_units, gross_revenue,
            revenue, cost, discount_amount
        )
        select p_store_id, f.sold_on, f.category_id, f.lines, f.orders, f.units, f.returned_units,
            f.gross_revenue, f.revenue, f.cost, f.discount_amount
        from fresh as f
        order by f.sold_on, f.category_id
        on conflict (store_id, sold_on, category_id) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    ),
    kept_totals as (
        insert into retail.daily_totals as d (
            store_id, sold_on, lines, orders, units, returned_units, gross_revenue, revenue, cost,
            discount_amount
        )
        select p_store_id, t.sold_on, t.lines, t.orders, t.units, t.returned_units,
            t.gross_revenue, t.revenue, t.cost, t.discount_amount
        from totals as t
        order by t.sold_on
        on conflict (store_id, sold_on) do update
        set lines = excluded.lines, orders = excluded.orders, units = excluded.units,
            returned_units = excluded.returned_units, gross_revenue = excluded.gross_revenue,
            revenue = excluded.revenue, cost = excluded.cost,
            discount_amount = excluded.discount_amount, updated_at = now()
        where (d.lines, d.orders, d.units, d.returned_units, d.gross_revenue, d.revenue, d.cost,
                d.discount_amount)
            is distinct from (excluded.lines, excluded.orders, excluded.units,
                excluded.returned_units, excluded.gross_revenue, excluded.revenue, excluded.cost,
                excluded.discount_amount)
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from gone_totals)
        + (select count(*) from kept) + (select count(*) from kept_totals);
end;

comment on function zava._store_daily_sales(uuid, date, date) is
    'Writes the daily rollup of one store anew and tells how many rows that changed.

p_store_id: the store
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function zava._store_daily_sales(uuid, date, date) from public;

-- source: db/functions/analytics/_store_filter.sql
-- api._store_filter(): the stores that a report is narrowed to, or null if that is all the caller
-- sees. Not a tool. Null, and not the list, for row-level security filters by store already: the
-- planner takes a second filter for another reason to expect few rows, and plans for a handful.
-- Reports say "v_stores is null or store_id = any (v_stores)" and are planned for their values
-- (plan_cache_mode), so that of this only what is needed is left.
create or replace function api._store_filter(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores uuid[];
begin
    if p_store is null then
        return null;
    end if;

    v_stores := api._store_ids(p_store);

    return (
        select v_stores from retail.stores as s where s.store_id <> all (v_stores) limit 1
    );
end;
$function$;

comment on function api._store_filter(text) is
    'Ids of the stores that a report is narrowed to; null for no need to.

p_store: key of a store, for example seattle; null for all that the caller sees';
revoke execute on function api._store_filter(text) from public;
grant execute on function api._store_filter(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/_store_ids.sql
-- api._store_ids(): the stores that a report covers, as ids. Not a tool; every report calls it.
-- A store that is not there and one that the caller may not see get the same answer; what it
-- suggests is taken from the stores that the caller sees. With one plan, like api._oldest_day().
create or replace function api._store_ids(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_stores uuid[];
begin
    select coalesce(array_agg(s.store_id order by s.store_id), '{}')
    into v_stores
    from retail.stores as s
    where p_store is null or s.store_key = lower(btrim(p_store));

    if p_store is not null and v_stores = '{}' then
        raise exception 'store % is not visible to you', left(p_store, 60)
            using errcode = 'insufficient_privilege',
                  hint = concat(
                      'Did you mean ' || api._nearest(
                          p_store, array(select s.store_key from retail.stores as s)
                      ) || '? ',
                      'api.whoami() lists the keys of your stores.'
                  );
    end if;

    return v_stores;
end;
$function$;

comment on function api._store_ids(text) is
    'Ids of the stores of a report: the one named, or all that the caller sees.

p_store: key of a store, for example seattle; null for all';
revoke execute on function api._store_ids(text) from public;
grant execute on function api._store_ids(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/basket_affinity.sql
-- api.basket_affinity(): what is bought together, with support, confidence and lift.
-- Items are numbered, and a basket is an array of them in order: its pairs are each item with those
-- after it, without a join. Items that are not in enough baskets are dropped before pairs are counted:
-- a pair is never in more baskets than either of its items.
-- Pairs that one or two orders happen to hold have the highest lift of all, and say nothing: unless the
-- caller says how many are enough, there must be three.
-- work_mem: the lines of a year are sorted once by basket, for head office those of all stores.
create or replace function api.basket_affinity(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_level text default 'product',
    p_min_support numeric default null,
    p_limit integer default 50
)
returns table (
    item_a_id uuid,
    item_a text,
    item_b_id uuid,
    item_b text,
    baskets bigint,
    baskets_a bigint,
    baskets_b bigint,
    support_percent numeric,
    confidence_a_to_b_percent numeric,
    confidence_b_to_a_percent numeric,
    lift numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
    v_span record;
begin
    perform api._require_range('p_min_support', coalesce(p_min_support, 0), 0, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    perform api._require_choice('p_level', p_level, array['product', 'type', 'category']);
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;
    select s.*
    into v_span
    from api._span(api._store_ids(p_store), v_range.date_from, v_range.date_to) as s;

    return query
    with named as (
        select k.product_id, k.item_id, k.name,
            dense_rank() over (order by k.name, k.item_id)::integer as place
        from (
            select p.product_id,
                case p_level
                    when 'product' then p.product_id when 'type' then y.type_id else c.category_id
                end as item_id,
                case p_level
                    when 'product' then p.name when 'type' then y.name else c.name
                end as name
            from retail.products as p
            join retail.product_types as y on y.type_id = p.type_id
            join retail.categories as c on c.category_id = p.category_id
        ) as k
    ),
    baskets as materialized (
        select array_agg(distinct n.place) as places
        from api.sale_lines as l
        join named as n on n.product_id = l.product_id
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
        -- By order first: what differs early sorts fast.
        group by l.order_id, l.store_id
    ),
    total as materialized (
        select
            count(*) as baskets,
            coalesce(p_min_support * count(*) / 100, greatest(count(*) / 1000.0, 3)) as least
        from baskets as b
    ),
    items as materialized (
        select c.place, c.baskets, n.item_id, n.name
        from (
            select u.place, count(*) as baskets
            from (select unnest(b.places) as place from baskets as b) as u
            group by u.place
        ) as c
        join (
            select distinct n.place, n.item_id, n.name from named as n
        ) as n on n.place = c.place
        where c.baskets >= (select t.least from total as t)
    ),
    -- Each item of a basket with those after it: the places of a basket are in order.
    pairs as (
        select v.place_a, v.place_b, count(*) as baskets
        from (
            select u.place as place_a, unnest(u.places[u.n + 1 :]) as place_b
            from (
                select b.places, unnest(b.places) as place, generate_subscripts(b.places, 1) as n
                from baskets as b
            ) as u
            join items as i on i.place = u.place
        ) as v
        join items as i on i.place = v.place_b
        group by v.place_a, v.place_b
        having count(*) >= (select t.least from total as t)
    )
    select a.item_id, a.name, b.item_id, b.name, p.baskets, a.baskets, b.baskets,
        round(100.0 * p.baskets / t.baskets, 2),
        round(100.0 * p.baskets / a.baskets, 2),
        round(100.0 * p.baskets / b.baskets, 2),
        round(p.baskets::numeric * t.baskets / (a.baskets * b.baskets), 2)
    from pairs as p
    cross join total as t
    join items as a on a.place = p.place_a
    join items as b on b.place = p.place_b
    order by p.baskets::numeric * t.baskets / (a.baskets * b.baskets) desc, p.baskets desc, a.place,
        b.place
    limit p_limit;
end;
$function$;

comment on function api.basket_affinity(text, date, date, text, numeric, integer) is
    'Pairs of products, types or categories bought in one order, the strongest first. Of the orders of the period in which something was sold: baskets with both, with a, with b; support_percent of them have both; confidence_a_to_b_percent of those with a have b; lift is how many times more often they meet than by chance (1: unrelated). Days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_level: product, type or category; what is paired
p_min_support: least percent of these orders, 0 to 100; null for 0.1 and no less than 3 orders
p_limit: 1 to 1000';
revoke execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    from public;
grant execute on function api.basket_affinity(text, date, date, text, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/category_performance.sql
-- api.category_performance(): every category, against the period before and a year ago.
-- With one plan and, without a store, no list of stores, like api.sales_trend().
create or replace function api.category_performance(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    category text,
    revenue numeric,
    revenue_percent numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    margin numeric,
    margin_percent numeric,
    discount_amount numeric,
    returned_units bigint,
    return_rate numeric,
    previous_revenue numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_stores constant uuid[] := case when p_store is not null then api._store_ids(p_store) end;
    v_range record;
    v_days integer;
begin
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    with periods (period, day_from, day_to) as (
        values
            ('now', v_range.date_from, v_range.date_to),
            ('previous', v_range.date_from - v_days, v_range.date_from - 1),
            (
                'year', (v_range.date_from - interval '1 year')::date,
                (v_range.date_to - interval '1 year')::date
            )
    ),
    sums as (
        select
            d.category_id,
            sum(d.revenue) filter (where p.period = 'now') as revenue,
            sum(d.gross_revenue) filter (where p.period = 'now') as gross_revenue,
            (sum(d.orders) filter (where p.period = 'now'))::bigint as orders,
            (sum(d.units) filter (where p.period = 'now'))::bigint as units,
            sum(d.revenue - d.cost) filter (where p.period = 'now') as margin,
            sum(d.discount_amount) filter (where p.period = 'now') as discount_amount,
            (sum(d.returned_units) filter (where p.period = 'now'))::bigint as returned_units,
            sum(d.revenue) filter (where p.period = 'previous') as previous_revenue,
            sum(d.revenue) filter (where p.period = 'year') as year_ago_revenue
        from periods as p
        cross join lateral api._daily_sales(v_stores, p.day_from, p.day_to) as d
        group by d.category_id
    )
    select
        c.name,
        coalesce(s.revenue, 0.00),
        api._percent(coalesce(s.revenue, 0.00), sum(s.revenue) over ()),
        coalesce(s.gross_revenue, 0.00),
        coalesce(s.orders, 0),
        coalesce(s.units, 0),
        coalesce(s.margin, 0.00),
        api._percent(s.margin, s.revenue),
        coalesce(s.discount_amount, 0.00),
        coalesce(s.returned_units, 0),
        api._percent(s.returned_units, s.units + s.returned_units),
        coalesce(s.previous_revenue, 0.00),
        api._growth(coalesce(s.revenue, 0.00), s.previous_revenue),
        coalesce(s.year_ago_revenue, 0.00),
        api._growth(coalesce(s.revenue, 0.00), s.year_ago_revenue)
    from retail.categories as c
    left join sums as s on s.category_id = c.category_id
    where v_days is not null
        and (exists (select from sums as s) or api._has_stores())
    order by coalesce(s.revenue, 0.00) desc, c.name;
end;
$function$;

comment on function api.category_performance(text, date, date) is
    'Revenue, margin and returns by category, against as many days before and the same days a year ago. orders: those in which something of the category was sold; they do not add up. gross_revenue: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold; growth_percent: from previous_revenue. USD after discount, without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.category_performance(text, date, date) from public;
grant execute on function api.category_performance(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_cohorts.sql
-- api.customer_cohorts(): how many of the customers who came first in a month came back later.
-- A customer belongs to one store, and so does its first order: who buys in two is two customers.
-- The whole history is read, for it decides which order is the first. From the orders, whose total
-- is the sum of their lines.
create or replace function api.customer_cohorts(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    cohort date,
    customers bigint,
    months_later integer,
    active_customers bigint,
    retention_percent numeric,
    revenue numeric,
    is_complete boolean
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_newest constant date := api._newest_day();
    v_range record;
    v_first date;
begin
    -- It looks for the newest day itself where it is not given it; left to, it says why not p_from.
    select r.* into v_range
    from api._date_range(
        p_from, coalesce(p_to, case when p_from > v_newest then null else v_newest end), 1
    ) as r;
    -- Whole months: the one of p_to and eleven before, unless p_from says otherwise.
    v_first := greatest(
        date_trunc(
            'month', coalesce(p_from::timestamp, v_range.date_to::timestamp - interval '11 months')
        )::date,
        date '1900-01-01'
    );
    select r.* into v_range from api._date_range(v_first, v_range.date_to) as r;

    return query
    with firsts as (
        select o.store_id, o.customer_id, min(o.order_date) as moment
        from retail.orders as o
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status = 'completed'
            and o.order_date < v_range.moment_to
        group by o.store_id, o.customer_id
    ),
    -- Materialized: the store of the fence, on both sides, would stand in the way of each row.
    members as materialized (
        select f.store_id, f.customer_id, s.time_zone,
            date_trunc('month', t.day::timestamp)::date as cohort
        from firsts as f
        join retail.stores as s on s.store_id = f.store_id
        cross join lateral (select (f.moment at time zone s.time_zone)::date as day) as t
        where t.day between v_range.date_from and v_range.date_to
    ),
    months as (
        select m.cohort, date_trunc('month', t.day::timestamp)::date as month,
            bool_or(o.status = 'completed') as is_active,
            sum(o.total_amount) as revenue
        from members as m
        join retail.orders as o on o.store_id = m.store_id and o.customer_id = m.customer_id
        cross join lateral (select (o.order_date at time zone m.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by m.cohort, m.store_id, m.customer_id, date_trunc('month', t.day::timestamp)::date
    ),
    counted as (
        select m.cohort, m.month, count(*) filter (where m.is_active) as active_customers,
            sum(m.revenue) as revenue
        from months as m
        group by m.cohort, m.month
    ),
    cohorts as (
        select c.cohort, c.active_customers as customers
        from counted as c
        where c.month = c.cohort
    )
    select h.cohort, h.customers,
        (row_number() over (partition by h.cohort order by g.month))::integer - 1,
        coalesce(c.active_customers, 0),
        round(100.0 * coalesce(c.active_customers, 0) / h.customers, 2),
        round(coalesce(c.revenue, 0), 2),
        g.month + interval '1 month' <= v_range.date_to + 1
    from cohorts as h
    -- Nothing is said of months that nobody can have come back in yet.
    cross join lateral generate_series(
        h.cohort::timestamp, least(v_range.date_to, v_newest)::timestamp, interval '1 month'
    ) as g (month)
    left join counted as c on c.cohort = h.cohort and c.month = g.month::date
    order by h.cohort, g.month;
end;
$function$;

comment on function api.customer_cohorts(text, date, date) is
    'Retention of customers by month of their first order. For the customers whose first completed order at their store fell in the month cohort (its first day), how many had a completed order 0, 1, 2, ... months_later, in percent of them, and what they brought. Months without one show 0. is_complete is false for a month that p_to cuts short. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; months in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: a day in the first cohort''s month; null for eleven months before p_to
p_to: last day that counts; null for the day of the newest sale';
revoke execute on function api.customer_cohorts(text, date, date) from public;
grant execute on function api.customer_cohorts(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_lifetime_value.sql
-- api.customer_lifetime_value(): what customers brought so far and may bring next.
-- Expected orders: each customer's own rate of orders, drawn towards that of its store by how much
-- customers differ (gamma-Poisson, fitted by moments). With x orders in t days, a mean rate m and
-- a variance v of the rates: (m^2 + v x) / (m + v t). One order says little and moves it little;
-- long silence lowers it. Fitted within a store: it is the same whoever asks. What is estimated is
-- reckoned in floating point, what was is not.
-- Summed up store by store from the rollup: the cost of a customer's orders is in all their lines.
-- work_mem: a row a customer is kept, for head office of all stores.
create or replace function api.customer_lifetime_value(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_horizon integer default 365,
    p_limit integer default 20
)
returns table (
    store_key text,
    customer_id uuid,
    customer text,
    loyalty_tier text,
    first_order_on date,
    last_order_on date,
    orders bigint,
    revenue numeric,
    margin numeric,
    average_basket numeric,
    expected_orders numeric,
    expected_margin numeric,
    lifetime_value numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    perform api._require_range('p_horizon', p_horizon, 1, 1825);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range from api._date_range(p_from, p_to, 730) as r;

    return query
    with totals as materialized (
        -- A first order starts the clock of its customer and is no evidence of the rate.
        select s.store_id, s.store_key, c.*,
            (c.recent - (c.first_day >= v_range.date_from)::integer)::bigint as x,
            least(v_range.date_to - c.first_day, v_range.date_to - v_range.date_from + 1)::bigint
                as t
        from retail.stores as s
        cross join lateral (
            select d.customer_id,
                min(d.sold_on) filter (where d.orders > 0) as first_day,
                max(d.sold_on) filter (where d.orders > 0) as last_day,
                sum(d.orders) as orders,
                coalesce(sum(d.orders) filter (where d.sold_on >= v_range.date_from), 0)
                    as recent,
                sum(d.gross_revenue) as gross,
                sum(d.revenue) as revenue,
                sum(d.revenue - d.cost) as margin
            from api._daily_customers(s.store_id, '-infinity', v_range.date_to) as d
            group by d.customer_id
            having sum(d.orders) > 0
        ) as c
        where v_stores is null or s.store_id = any (v_stores)
    ),
    rates as materialized (
        -- v is the mean of ((x - m t)^2 - m t) over that of t^2, multiplied out.
        select r.store_id, r.m::double precision as m,
            r.mean_margin::double precision as mean_margin,
            greatest(
                0, (r.xx - 2 * r.m * r.xt + r.m * r.m * r.tt - r.m * r.t) / nullif(r.tt, 0)
            )::double precision as v
        from (
            select t.store_id, sum(t.x) / nullif(sum(t.t), 0) as m,
                sum(t.margin) / sum(t.orders) as mean_margin,
                sum(t.t) as t, sum(t.x * t.x) as xx, sum(t.x * t.t) as xt, sum(t.t * t.t) as tt
            from totals as t
            group by t.store_id
        ) as r
    ),
    best as (
        select t.*, n.orders as next_orders, g.margin as next_margin,
            t.margin::double precision + coalesce(g.margin, 0) as value
        from totals as t
        join rates as r on r.store_id = t.store_id
        cross join lateral (
            select p_horizon * (r.m * r.m + r.v * t.x) / nullif(r.m + r.v * t.t, 0) as orders
        ) as n
        cross join lateral (
            select n.orders * (t.margin::double precision + r.mean_margin) / (t.orders + 1)
                as margin
        ) as g
        order by value desc, t.store_key, t.customer_id
        limit p_limit
    )
    select b.store_key, b.customer_id, concat_ws(' ', c.first_name, c.last_name), c.loyalty_tier,
        b.first_day, b.last_day, b.orders, round(b.revenue, 2), round(b.margin, 2),
        round(b.gross / b.orders, 2), round(b.next_orders::numeric, 2),
        round(b.next_margin::numeric, 2),
        round(b.margin + coalesce(b.next_margin, 0)::numeric, 2)
    from best as b
    join retail.customers as c on c.store_id = b.store_id and c.customer_id = b.customer_id
    order by b.value desc, b.store_key, b.customer_id;
end;
$function$;

comment on function api.customer_lifetime_value(text, date, date, integer, integer) is
    'The most valuable customers: what they brought, and what to expect of the next days. orders, revenue and margin are of all days up to p_to. lifetime_value is margin so far plus expected_margin. expected_orders: the customer''s rate of orders in the period, drawn towards the mean of its store the less there is to go by; null when the store has no repeat orders to learn from. expected_margin: times the margin per order, of this customer and one average order. All in USD after discount, without tax, net of returns; average_basket before returns. Days in the time zone of the store. Cash sales have no customer.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; of the period that the rate of orders is taken from; null for 729 days before p_to
p_to: last day; the last that counts, null for the day of the newest sale
p_horizon: days ahead, 1 to 1825
p_limit: 1 to 1000';
revoke execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    from public;
grant execute on function api.customer_lifetime_value(text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/customer_segments.sql
-- api.customer_segments(): customers by recency, frequency and money (RFM), with a name for each
-- group. A score of 1 to 5 says which fifth of the store's active customers one is in; equal values
-- get the lowest score of their group. Scores are taken within a store: a customer has the same
-- segment whoever asks, and the counts of two stores add up.
-- From the orders, whose total is the sum of their lines.
create or replace function api.customer_segments(
    p_store text default null,
    p_from date default null,
    p_to date default null
)
returns table (
    segment text,
    customers bigint,
    customers_percent numeric,
    orders bigint,
    revenue numeric,
    revenue_percent numeric,
    average_recency_days numeric,
    average_orders numeric,
    average_revenue numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with active as (
        select o.store_id, o.customer_id,
            v_range.date_to - max(t.day) filter (where o.status = 'completed') as recency,
            count(*) filter (where o.status = 'completed') as orders,
            sum(o.total_amount) as revenue
        from retail.orders as o
        join retail.stores as s on s.store_id = o.store_id
        cross join lateral (select (o.order_date at time zone s.time_zone)::date as day) as t
        where (v_stores is null or o.store_id = any (v_stores))
            and o.customer_id is not null
            and o.status in ('completed', 'return')
            and o.order_date >= v_range.moment_from
            and o.order_date < v_range.moment_to
            and t.day between v_range.date_from and v_range.date_to
        group by o.store_id, o.customer_id
        having count(*) filter (where o.status = 'completed') > 0
    ),
    ranked as (
        select a.*,
            percent_rank() over (partition by a.store_id order by a.recency desc) as recency_rank,
            percent_rank() over (partition by a.store_id order by a.orders) as frequency_rank,
            percent_rank() over (partition by a.store_id order by a.revenue) as money_rank
        from active as a
    ),
    scored as (
        select k.*,
            least(5, 1 + floor(5 * k.recency_rank)) as r,
            least(5, 1 + floor(5 * k.frequency_rank)) as f,
            least(5, 1 + floor(5 * k.money_rank)) as m
        from ranked as k
    ),
    named as (
        select c.*,
            case
                when c.r >= 4 and c.f >= 4 and c.m >= 4 then 1
                when c.r >= 3 and c.f >= 3 then 2
                when c.r >= 4 then 3
                when c.r = 3 then 4
                when c.f >= 4 and c.m >= 4 then 5
                when c.f >= 3 then 6
                when c.r = 2 then 7
                else 8
            end as number
        from scored as c
    )
    select
        (array[
            'champions', 'loyal', 'promising', 'needs attention',
            'cannot lose', 'at risk', 'hibernating', 'lost'
        ])[n.number],
        count(*),
        round(100 * count(*) / sum(count(*)) over (), 2),
        sum(n.orders)::bigint,
        round(sum(n.revenue), 2),
        api._percent(sum(n.revenue), sum(sum(n.revenue)) over ()),
        round(avg(n.recency), 2),
        round(avg(n.orders), 2),
        round(avg(n.revenue), 2)
    from named as n
    group by n.number
    order by n.number;
end;
$function$;

comment on function api.customer_segments(text, date, date) is
    'Customers in eight named groups by recency, frequency and revenue. Those active (a completed order in the period), by fifths of their store, 5 the best, equal ones the lowest of theirs: R days since the last order, F number of completed orders, M revenue. champions: R, F, M at least 4; loyal: R and F at least 3; promising: R at least 4; needs attention: R 3; of R 1 or 2, cannot lose: F and M at least 4, at risk: F at least 3, hibernating: R 2, lost: R 1. The first that fits counts; groups without customers are left out. Cash sales have no customer. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; recency counts from it, null for the day of the newest sale';
revoke execute on function api.customer_segments(text, date, date) from public;
grant execute on function api.customer_segments(text, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/discount_impact.sql
-- api.discount_impact(): what sells at which discount. Lines that are not returns.
-- The band comes from the amounts, which the books are made of, not from discount_percent.
create or replace function api.discount_impact(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null
)
returns table (
    discount text,
    lines bigint,
    lines_percent numeric,
    units bigint,
    units_per_line numeric,
    list_revenue numeric,
    discount_amount numeric,
    discount_percent numeric,
    revenue numeric,
    revenue_percent numeric,
    margin numeric,
    margin_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            -- Up to the cent that a discount of this percentage comes to.
            case
                when l.discount_amount <= 0 then 1
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.05, 2) then 2
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.10, 2) then 3
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.15, 2) then 4
                when l.discount_amount <= round(l.quantity * l.unit_price * 0.20, 2) then 5
                else 6
            end as band,
            count(*) as lines,
            sum(l.quantity) as units,
            sum(l.discount_amount) as discount_amount,
            sum(l.total_amount) as revenue,
            sum(l.cost) as cost
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
            and not l.is_return
        group by 1
    )
    select
        b.name,
        coalesce(s.lines, 0),
        api._percent(coalesce(s.lines, 0), sum(s.lines) over ()),
        coalesce(s.units, 0),
        round(s.units / nullif(s.lines, 0)::numeric, 2),
        coalesce(s.revenue + s.discount_amount, 0.00),
        coalesce(s.discount_amount, 0.00),
        api._percent(s.discount_amount, s.revenue + s.discount_amount),
        coalesce(s.revenue, 0.00),
        api._percent(coalesce(s.revenue, 0.00), sum(s.revenue) over ()),
        coalesce(s.revenue - s.cost, 0.00),
        api._percent(s.revenue - s.cost, s.revenue)
    from (
        values
            (1, 'none'), (2, 'up to 5 %'), (3, 'up to 10 %'), (4, 'up to 15 %'),
            (5, 'up to 20 %'), (6, 'over 20 %')
    ) as b (band, name)
    left join sold as s on s.band = b.band
    where cardinality(v_stores) > 0 and v_range.date_to is not null
    order by b.band;
end;
$function$;

comment on function api.discount_impact(text, date, date, text) is
    'Sales without discount, up to 5, 10, 15, 20 % and over: what was sold and what margin was left. Returns are left out, so revenue is gross. list_revenue is before discount, discount_percent the discount in percent of it; margin: revenue less purchase cost. USD without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all';
revoke execute on function api.discount_impact(text, date, date, text) from public;
grant execute on function api.discount_impact(text, date, date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/inventory_status.sql
-- api.inventory_status(): how long the stock lasts, what to order, what lies there unsold.
-- Reorder point: demand during the lead time plus a safety stock of 1.65 standard deviations of
-- it, which lasts through 95 of 100 lead times if demand is about normal; never below the level
-- that the store has set. Order up to the reorder point plus the demand of p_cover_days.
-- Dead is what lay there on all days and did not sell. What came later has not had its time.
-- No row of a store keeps the others from being shown: a lead time or level below 0 counts as 0, and
-- what is more than an integer holds as the most that it does.
create or replace function api.inventory_status(
    p_store text default null,
    p_category text default null,
    p_status text default null,
    p_days integer default 90,
    p_cover_days integer default 30,
    p_limit integer default 100
)
returns table (
    store_key text,
    product_id uuid,
    sku text,
    product text,
    category text,
    status text,
    stock_level integer,
    stock_value numeric,
    units_sold bigint,
    stock_out_days integer,
    daily_demand numeric,
    days_of_cover numeric,
    lead_time_days integer,
    reorder_point integer,
    reorder_units integer,
    last_sold_on date
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set work_mem = '64MB'
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_names constant text[] := array['stock out', 'reorder', 'dead', 'overstock', 'ok'];
    v_range record;
begin
    perform api._require_range('p_days', p_days, 7, 365);
    perform api._require_range('p_cover_days', p_cover_days, 1, 365);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    if p_status is not null then
        perform api._require_choice('p_status', p_status, v_names);
    end if;
    -- A new store has stock before it has sales. Its ledger goes by its own days.
    select r.*
    into v_range
    from api._date_range(
        null,
        coalesce(
            api._newest_day(),
            (select max((now() at time zone s.time_zone)::date) from retail.stores as s)
        ),
        p_days
    ) as r;

    return query
    -- Multiplied first, divided last: 3 in 90 days for 30 days is 1, not a hair more or less.
    with stock as (
        select i.*, greatest(i.lead_time_days, 0)::numeric as lead_time, d.units, d.out_days, nullif(d.selling_days, 0)::numeric as days,
            d.units / nullif(d.selling_days, 0)::numeric as demand, d.daily_variance
        from api._stock_days(v_stores, v_range.date_from, v_range.date_to) as d
        join retail.inventory as i on i.store_id = d.store_id and i.product_id = d.product_id
        where (v_stores is null or i.store_id = any (v_stores))
    ),
    pointed as (
        select k.*, p.sku, p.name, c.name as category, p.is_active,
            least(
                greatest(
                    k.reorder_level,
                    ceil(
                        k.units * k.lead_time / k.days
                        + 1.65 * sqrt(coalesce(k.daily_variance, 0) * k.lead_time)
                    ),
                    0
                ),
                2147483647
            )::integer as reorder_point
        from stock as k
        join retail.products as p on p.product_id = k.product_id
        join retail.categories as c on c.category_id = p.category_id
        where v_category is null or p.category_id = v_category
    ),
    judged as (
        select t.*,
            case
                when t.stock_level = 0 then 1
                when t.units = 0 then case when t.days = p_days then 3 else 5 end
                when t.stock_level <= t.reorder_point then 2
                when t.stock_level * t.days > 180 * t.units then 4
                else 5
            end as urgency
        from pointed as t
    ),
    shown as (
        select s.store_key, j.*, j.demand * j.price as daily_revenue,
            j.stock_level * j.unit_cost as stock_value
        from judged as j
        join retail.stores as s on s.store_id = j.store_id
        where p_status is null or v_names[j.urgency] = p_status
        order by j.urgency, daily_revenue desc nulls last, stock_value desc, s.store_key, j.sku
        limit p_limit
    )
    select h.store_key, h.product_id, h.sku, h.name, h.category, v_names[h.urgency],
        h.stock_level, round(h.stock_value, 2), h.units, h.out_days,
        round(h.demand, 2), round(h.stock_level * h.days / nullif(h.units, 0), 2),
        h.lead_time_days, h.reorder_point,
        case
            when not h.is_active or h.urgency > 2 then 0
            when h.demand is null then h.reorder_point - h.stock_level
            when h.demand = 0 then 0
            else least(
                h.reorder_point + ceil(p_cover_days * h.units / h.days) - h.stock_level, 2147483647
            )::integer
        end,
        z.last_sold_on
    from shown as h
    -- Looked for in the few rows that are shown.
    left join lateral (
        select m.moved_on as last_sold_on
        from retail.stock_movements as m
        where m.store_id = h.store_id and m.product_id = h.product_id and m.kind = 'sale'
        order by m.moved_on desc
        limit 1
    ) as z on true
    order by h.urgency, h.daily_revenue desc nulls last, h.stock_value desc, h.store_key, h.sku;
end;
$function$;

comment on function api.inventory_status(text, text, text, integer, integer, integer) is
    'Stock by store and product, the most urgent first. Judged by the last p_days days of the stock ledger up to the newest sale, or to today where there are none. status: stock out (nothing left), dead (there on all these days, none sold), else of what sold reorder (at or below reorder_point) or overstock (cover of more than 180 days), else ok. To count or sum all, ask store by store with p_limit 1000. daily_demand: pieces sold a day, days without stock left out; null if there never was any. days_of_cover: days that the stock lasts. stock_out_days: days that ended without stock, from its opening stock on. reorder_point: demand of the lead time plus safety stock for 95 %, at least the store''s own reorder level. reorder_units: pieces to order now, up to reorder_point plus p_cover_days of demand; 0 for what is not ordered any more. stock_value in USD at purchase cost.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_status: stock out, reorder, dead, overstock or ok; null for all
p_days: days that give the demand, 7 to 365
p_cover_days: days that an order lasts beyond lead time, 1 to 365
p_limit: 1 to 1000';
revoke execute on function api.inventory_status(text, text, text, integer, integer, integer)
    from public;
grant execute on function api.inventory_status(text, text, text, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/refresh_daily_sales.sql
-- zava.refresh_daily_sales(): brings retail.daily_sales, daily_totals and daily_customers up to
-- date, store by store. Run by the administrator, from a timer; not a tool.
-- A day is stored when it has been over for an hour, so that sales of its last minutes are
-- committed. The row lock on the store makes this safe beside writers and beside itself: whoever
-- changes sales of stored days takes these days back in the same transaction,
--     update retail.stores
--     set rolled_up_to = case when rolled_up_to >= DAY then DAY - 1 else rolled_up_to end
--     where store_id = …
-- and one of the two waits for the other; least() would make a mark of none. Without that, a change is found when it is at most 31
-- days old, or when p_from reaches back to it. Readers are never blocked.
-- Repeating it changes nothing; rows that are right already are not written.
create or replace function zava.refresh_daily_sales(
    p_from date default null,
    p_to date default null
)
returns table (store_key text, rolled_up_to date, changed_rows bigint)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store record;
    v_first date;
    v_last date;
begin
    for v_store in
        select s.store_id, s.store_key, s.time_zone from retail.stores as s order by s.store_key
    loop
        select s.rolled_up_to
        into rolled_up_to
        from retail.stores as s
        where s.store_id = v_store.store_id
        for no key update;

        -- Days follow each other without a gap; nothing is stored beyond the newest order.
        v_first := case
            when rolled_up_to is null then '-infinity'
            else least(coalesce(p_from, rolled_up_to - 30), rolled_up_to + 1)
        end;
        select least(
            greatest((max(o.order_date) at time zone v_store.time_zone)::date, rolled_up_to),
            ((now() - interval '1 hour') at time zone v_store.time_zone)::date - 1,
            p_to
        )
        into v_last
        from retail.orders as o
        where o.store_id = v_store.store_id
        having max(o.order_date) is not null or rolled_up_to is not null;

        store_key := v_store.store_key;
        changed_rows := 0;
        if v_first <= v_last then
            begin
                changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last)
                    + zava._store_daily_customers(v_store.store_id, v_first, v_last);
                rolled_up_to := greatest(rolled_up_to, v_last);
                update retail.stores as s
                set rolled_up_to = refresh_daily_sales.rolled_up_to
                where s.store_id = v_store.store_id
                    and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
            -- A day of four thousand million pieces keeps its own store's days from being stored, and
            -- no other's.
            exception
                when numeric_value_out_of_range then
                    changed_rows := null;
                    raise warning 'the sales of store % from % to % are more than the rollup holds: %',
                        v_store.store_key, v_first, v_last, sqlerrm;
            end;
        end if;
        return next;
    end loop;

    -- Servers forget the answers they keep.
    notify zava_data;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed; null where a day sold more than the rollup holds, and nothing was stored.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

-- source: db/functions/analytics/returns_analysis.sql
-- api.returns_analysis(): what comes back, by category, product type, product, store or month.
-- A return counts on the day it came back, not on the day of its sale.
create or replace function api.returns_analysis(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'category',
    p_limit integer default 50
)
returns table (
    item text,
    name text,
    sold_units bigint,
    returned_units bigint,
    return_rate numeric,
    returned_percent numeric,
    returned_revenue numeric,
    returned_margin numeric,
    average_days numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    perform api._require_choice(
        'p_by', p_by, array['category', 'product_type', 'product', 'store', 'month']
    );
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    -- Grouped by what is asked for and by nothing else: the other keys are null.
    with lines as (
        select
            case when p_by = 'store' then l.store_id end as store_id,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end
                as product_id,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end as month,
            sum(l.quantity) filter (where not l.is_return) as sold,
            -sum(l.quantity) filter (where l.is_return) as returned,
            -sum(l.total_amount) filter (where l.is_return) as amount,
            sum(l.cost - l.total_amount) filter (where l.is_return) as margin,
            null::bigint as days
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
        union all
        -- Once more for the few lines that have a sale to look up: one lookup for each line of all
        -- would keep PostgreSQL from working in parallel.
        select
            case when p_by = 'store' then l.store_id end,
            case when p_by in ('category', 'product_type', 'product') then l.product_id end,
            case when p_by = 'month' then date_trunc('month', l.sold_on::timestamp) end,
            null, null, null, null,
            -sum(l.quantity::bigint * (l.sold_on - (o.order_date at time zone s.time_zone)::date))
        from api.sale_lines as l
        join retail.stores as s on s.store_id = l.store_id
        join retail.orders as o
            on o.store_id = l.store_id and o.order_id = l.return_of_order_id
        where (v_filter is null or l.store_id = any (v_filter))
            and l.return_of_order_id is not null
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by 1, 2, 3
    ),
    named as (
        select g.item, g.name,
            coalesce(sum(l.sold), 0)::bigint as sold,
            coalesce(sum(l.returned), 0)::bigint as returned,
            coalesce(sum(l.amount), 0.00) as amount,
            coalesce(sum(l.margin), 0.00) as margin,
            sum(l.days) as days
        from lines as l
        left join retail.stores as s on s.store_id = l.store_id
        left join retail.products as p on p.product_id = l.product_id
        left join retail.product_types as t on t.type_id = p.type_id
        left join retail.categories as c on c.category_id = p.category_id
        cross join lateral (
            select
                case p_by when 'product' then p.sku when 'product_type' then t.name
                    when 'store' then s.store_key when 'month' then to_char(l.month, 'YYYY-MM')
                    else c.name end,
                case p_by when 'product' then p.name when 'product_type' then t.name
                    when 'store' then s.name when 'month' then to_char(l.month, 'FMMonth YYYY')
                    else c.name end
        ) as g (item, name)
        group by g.item, g.name
    )
    select
        k.item, k.name, k.sold, k.returned, api._percent(k.returned, k.sold),
        api._percent(k.returned, k.all_returned),
        k.amount, k.margin, round(k.days::numeric / nullif(k.returned, 0), 1)
    from (
        select n.*, sum(n.returned) over () as all_returned,
            row_number() over (
                order by case when p_by = 'month' then n.item end desc, n.returned desc, n.sold,
                    n.item
            ) as place
        from named as n
    ) as k
    where k.place <= p_limit
    order by case when p_by = 'month' then k.item end, k.place;
end;
$function$;

comment on function api.returns_analysis(text, date, date, text, text, integer) is
    'What comes back and after how long, most pieces first, months in order (the last p_limit). Pieces sold and returned in the period, return_rate (returned in percent of sold), share of all returned pieces, revenue and margin given back in USD without tax, and the average days from sale to return. A return counts on the day it came back; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: category, product_type, product (item is its sku), store or month
p_limit: 1 to 1000';
revoke execute on function api.returns_analysis(text, date, date, text, text, integer) from public;
grant execute on function api.returns_analysis(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_anomalies.sql
-- api.sales_anomalies(): days whose revenue is far from what the weeks around them say.
-- Expected is the median of the same weekday in the four weeks before and after: this takes out
-- weekday, season and growth at once, and one odd day does not move it. How far is far comes from
-- the store's own days, by median and median absolute deviation (MAD), which anomalies do not move
-- either; 0.6745 turns the MAD of a normal distribution into its standard deviation. Square roots
-- are compared: they make a busy and a slow season, and the two sides of a small store's uneven
-- days, of one measure; by percent a closed day could never stand out.
create or replace function api.sales_anomalies(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_threshold numeric default 3.5,
    p_limit integer default 50
)
returns table (
    store_key text,
    day date,
    direction text,
    revenue numeric,
    expected_revenue numeric,
    deviation_percent numeric,
    score numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_full constant date := api._last_full_day();
    v_range record;
    v_base date;
    v_end date;
begin
    perform api._require_range('p_threshold', p_threshold, 0.5, 100);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.* into v_range
    from api._date_range(
        p_from, coalesce(p_to, case when p_from > v_full then null else v_full end), 90
    ) as r;
    v_base := least(v_range.date_from, v_range.date_to - 364);
    v_end := greatest(v_range.date_to, least(v_range.date_to + 28, v_full));

    return query
    with days as materialized (
        select d.store_id, d.day, d.revenue
        from api._daily_revenue(v_stores, v_base - 28, v_end) as d
    ),
    neighbours as (
        select d.*,
            array[
                lag(d.revenue, 28) over w, lag(d.revenue, 21) over w,
                lag(d.revenue, 14) over w, lag(d.revenue, 7) over w,
                lead(d.revenue, 7) over w, lead(d.revenue, 14) over w,
                lead(d.revenue, 21) over w, lead(d.revenue, 28) over w
            ] as weeks
        from days as d
        window w as (partition by d.store_id order by d.day)
    ),
    residuals as (
        select n.store_id, n.day, n.revenue, m.expected,
            sign(n.revenue) * sqrt(abs(n.revenue)::double precision)
                - sqrt(m.expected::double precision) as deviation
        from neighbours as n
        cross join lateral (
            select percentile_cont(0.5) within group (order by k.revenue)::numeric as expected
            from unnest(n.weeks) as k (revenue)
            having count(k.revenue) >= 4
        ) as m
        where n.day between v_base and v_range.date_to and m.expected > 0
    ),
    medians as materialized (
        select r.store_id,
            percentile_cont(0.5) within group (order by r.deviation) as middle
        from residuals as r
        group by r.store_id
    ),
    spreads as materialized (
        select r.store_id, m.middle,
            percentile_cont(0.5) within group (order by abs(r.deviation - m.middle)) as mad
        from residuals as r
        join medians as m on m.store_id = r.store_id
        group by r.store_id, m.middle
    ),
    scored as (
        select r.*, 0.6745 * (r.deviation - p.middle) / nullif(p.mad, 0) as score
        from residuals as r
        join spreads as p on p.store_id = r.store_id
        where r.day >= v_range.date_from
    )
    select s.store_key, c.day, case when c.score > 0 then 'high' else 'low' end,
        round(c.revenue, 2), round(c.expected, 2), round(100 * (c.revenue / c.expected - 1), 2),
        round(c.score::numeric, 2)
    from scored as c
    join retail.stores as s on s.store_id = c.store_id
    where abs(c.score) >= p_threshold and c.score * (c.revenue - c.expected)::double precision > 0
    order by abs(c.score) desc, c.day, s.store_key
    limit p_limit;
end;
$function$;

comment on function api.sales_anomalies(text, date, date, numeric, integer) is
    'Days of unusual revenue by store, the strangest first. expected_revenue: median of the same weekday in the four weeks before and after. score: deviation from it, between square roots, in robust standard deviations (0.6745 * (deviation - median) / MAD) of the store''s days in the year to p_to, or from p_from if that is longer. Days with fewer than four such neighbours, or whose median is not above 0, are not judged, nor is a store most of whose days deviate alike (MAD 0). high are only days above expected_revenue, low only days below. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; the first that is judged, null for 89 days before p_to
p_to: last day; the last that is judged, null for the newest that is over
p_threshold: least score, 0.5 to 100; up or down, 3.5 is customary
p_limit: 1 to 1000';
revoke execute on function api.sales_anomalies(text, date, date, numeric, integer) from public;
grant execute on function api.sales_anomalies(text, date, date, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_forecast.sql
-- api.sales_forecast(): daily revenue to expect, with an interval and how good the method was.
-- The stores' days are added up first: one forecast for all that the caller asks about. The method
-- and its proof are in api._forecast().
create or replace function api.sales_forecast(
    p_store text default null,
    p_horizon integer default 30,
    p_to date default null,
    p_level numeric default 80
)
returns table (
    day date,
    forecast numeric,
    lower numeric,
    upper numeric,
    method text,
    error_percent numeric,
    baseline_error_percent numeric,
    backtest_days integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_newest constant date := api._newest_day();
    v_to date;
    v_revenue numeric[];
begin
    perform api._require_range('p_horizon', p_horizon, 1, 180);
    perform api._require_range('p_level', p_level, 50, 99);
    select r.date_to into v_to
    from api._date_range(null, coalesce(p_to, api._last_full_day())) as r;
    if v_newest is null then
        return;
    end if;
    if p_to > v_newest then
        raise exception 'p_to (%) is after the newest sale (%)', p_to, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'p_to is the last day of known sales; p_horizon is how far to look ahead.';
    end if;

    select array_agg(d.revenue order by d.day)
    into v_revenue
    from (
        select s.day, sum(s.revenue) as revenue
        -- 60 weeks that a method looks back, and the windows of the back-test.
        from api._daily_revenue(
            v_stores, v_to - 420 - greatest(2 * p_horizon, 112 + p_horizon) + 1, v_to
        ) as s
        group by s.day
    ) as d;
    if coalesce(cardinality(v_revenue), 0) < 28 + p_horizon then
        raise exception 'a forecast of % days needs % days of sales, there are %',
            p_horizon, 28 + p_horizon, coalesce(cardinality(v_revenue), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a shorter p_horizon or a later p_to.';
    end if;

    return query
    select v_to + f.step, f.forecast, f.lower, f.upper, f.method, f.error_percent,
        f.baseline_error_percent, f.backtest_days
    from api._forecast(v_revenue, p_horizon, p_level) as f
    order by f.step;
end;
$function$;

comment on function api.sales_forecast(text, integer, date, numeric) is
    'Expected revenue by day of the days ahead, all stores together, with an interval. method: seasonal naive (the same weekday a year before; of the last week where there are fewer than 64 weeks, or than 60 and the horizon), recent level (last four weeks by weekday) or seasonal growth (last year''s season by weekday, times growth): the one with the smallest error in a back-test on the last backtest_days days, seasonal naive unless another beats it. error_percent: sum of absolute errors in percent of revenue there; baseline_error_percent: the same of seasonal naive. lower to upper: p_level percent of days should lie there, by the back-test''s; of a sum of days it says nothing; null where forecast is below 0, or that of the back-test was above 0 on fewer than 9 days. Revenue in USD after discount, without tax, net of returns; days in the time zone of the store.

p_store: e.g. seattle; its store_key, null for all that you see
p_horizon: days ahead, 1 to 180
p_to: last day of known sales, taken as complete; null for the newest that is over
p_level: percent of the interval, 50 to 99';
revoke execute on function api.sales_forecast(text, integer, date, numeric) from public;
grant execute on function api.sales_forecast(text, integer, date, numeric)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/sales_trend.sql
-- api.sales_trend(): sales by day, week, month or quarter, without gaps.
-- Periods before p_from are read too, for the moving average and the growth of the first ones.
-- Days and weeks compare with 364 days before, which is the same weekday.
-- With one plan: to plan for the values at hand took as long as a third of the whole.
-- Whoever names no store is not asked for a list of them, which would be one more check of the
-- context.
create or replace function api.sales_trend(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_period text default 'day'
)
returns table (
    period_from date,
    period_to date,
    is_complete boolean,
    revenue numeric,
    gross_revenue numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    moving_average numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_stores constant uuid[] := case when p_store is not null then api._store_ids(p_store) end;
    v_category constant uuid := api._category_id(p_category);
    v_step interval;
    v_year interval;
    v_width integer;
    v_range record;
    v_first date;
begin
    perform api._require_choice('p_period', p_period, array['day', 'week', 'month', 'quarter']);
    select u.step, u.year, u.width
    into v_step, v_year, v_width
    from (
        values
            ('day', interval '1 day', interval '364 days', 7),
            ('week', interval '7 days', interval '364 days', 4),
            ('month', interval '1 month', interval '1 year', 3),
            ('quarter', interval '3 months', interval '1 year', 4)
    ) as u (period, step, year, width)
    where u.period = p_period;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    if p_from is null and p_period <> 'day' then
        v_range.date_from := date_trunc(p_period, v_range.date_to::timestamp)
            - v_step * case p_period when 'week' then 12 when 'month' then 11 else 7 end;
    end if;
    v_first := date_trunc(p_period, v_range.date_from::timestamp);
    -- Every period is a row, with sales or without.
    if v_first + 4000 * v_step <= v_range.date_to then
        raise exception 'more than 4000 periods (%) from % to %',
            p_period, v_range.date_from, v_range.date_to
            using errcode = 'invalid_parameter_value',
                  hint = 'Ask for a longer p_period or for fewer days.';
    end if;

    return query
    -- Stores are summed up here, and the periods of a day found, for what follows joins the days twice.
    with daily as materialized (
        select
            d.sold_on,
            date_trunc(p_period, d.sold_on::timestamp)::date as start,
            date_trunc(p_period, d.sold_on + v_year)::date as next_start,
            sum(d.orders) as orders,
            sum(d.units) as units,
            sum(d.gross_revenue) as gross_revenue,
            sum(d.revenue) as revenue,
            sum(d.cost) as cost
        from (
            select t.sold_on, t.orders, t.units, t.gross_revenue, t.revenue, t.cost
            from api._daily_totals(
                v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
            ) as t
            where v_category is null
            union all
            select c.sold_on, c.orders, c.units, c.gross_revenue, c.revenue, c.cost
            from api._daily_sales(
                v_stores, (v_first - v_step * v_width - v_year)::date, v_range.date_to
            ) as c
            where c.category_id = v_category and v_category is not null
        ) as d
        group by d.sold_on
    ),
    periods as (
        select
            g.start::date as start,
            case when g.start >= v_first then greatest(g.start::date, v_range.date_from)
                else g.start::date end as day_from,
            least((g.start + v_step)::date - 1, v_range.date_to) as day_to,
            (g.start < v_first or g.start::date >= v_range.date_from)
                and (g.start + v_step)::date - 1 <= v_range.date_to as is_complete,
            ((g.start + v_step) - v_year)::date - 1 as year_end
        from generate_series(
            v_first - v_step * v_width, v_range.date_to::timestamp, v_step
        ) as g (start)
        -- Who sees no store gets no periods; who has sales has a store, which need not be looked for.
        where exists (select from daily as d) or api._has_stores()
    ),
    bounds as (
        select p.*,
            (p.day_from - v_year)::date as year_from,
            case when p.is_complete then p.year_end else (p.day_to - v_year)::date end as year_to
        from periods as p
    ),
    -- Nobody has to look for the first sale of all where one is older than all that is compared.
    oldest as (
        select case when min(d.sold_on) <= (v_range.date_from - v_year)::date then min(d.sold_on)
            else api._oldest_day(v_stores) end as day
        from daily as d
    ),
    sums as (
        select
            b.start, b.day_from, b.day_to, b.is_complete, b.year_from,
            coalesce(sum(d.revenue), 0.00) as revenue,
            coalesce(sum(d.gross_revenue), 0.00) as gross_revenue,
            coalesce(sum(d.orders), 0)::bigint as orders,
            coalesce(sum(d.units), 0)::bigint as units,
            coalesce(sum(d.revenue - d.cost), 0.00) as margin
        from bounds as b
        left join daily as d
            on d.start = b.start
            and d.sold_on between b.day_from and b.day_to
        group by b.start, b.day_from, b.day_to, b.is_complete, b.year_from
    ),
    years as (
        select b.start, sum(d.revenue) as revenue
        from bounds as b
        join daily as d
            on d.next_start = b.start
            and d.sold_on between b.year_from and b.year_to
        where b.year_from >= (select o.day from oldest as o)
        group by b.start
    ),
    series as (
        select s.*,
            case when bool_and(s.is_complete and s.start >= o.day) over w
                then round(avg(s.revenue) over w, 2) end as moving_average,
            case when s.is_complete and lag(s.is_complete and s.start >= o.day) over (order by s.start)
                then lag(s.revenue) over (order by s.start) end as previous,
            case when s.year_from >= o.day then coalesce(y.revenue, 0.00) end as year_ago
        from sums as s
        left join years as y on y.start = s.start
        cross join oldest as o
        window w as (order by s.start rows between v_width - 1 preceding and current row)
    )
    select
        s.day_from, s.day_to, s.is_complete, s.revenue, s.gross_revenue, s.orders, s.units,
        round(s.gross_revenue / nullif(s.orders, 0), 2),
        s.margin,
        api._percent(s.margin, s.revenue),
        s.moving_average,
        api._growth(s.revenue, s.previous),
        s.year_ago,
        api._growth(s.revenue, s.year_ago)
    from series as s
    where s.start >= v_first
    order by s.start;
end;
$function$;

comment on function api.sales_trend(text, date, date, text, text) is
    'Sales by day, week (from Monday), month or quarter, periods without sales included. growth_percent is against the period before, year_growth_percent against the same period a year before (364 days for days and weeks). moving_average is the mean revenue of 7 days, 4 weeks, 3 months or 4 quarters. A period cut off by p_from or p_to is not complete: no growth and no moving average takes it in, and it compares with the same days a year before. What sales do not go back far enough for is null. gross_revenue: before returns; average_basket: gross_revenue / orders; margin: revenue less purchase cost. USD after discount, without tax, net of returns; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 30 days, 13 weeks, 12 months or 8 quarters up to p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all. Orders are then those with a product of it
p_period: day, week, month or quarter';
revoke execute on function api.sales_trend(text, date, date, text, text) from public;
grant execute on function api.sales_trend(text, date, date, text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/seasonality.sql
-- api.seasonality(): how strong each month is, by category, against the average of its year.
-- Years are the twelve complete months up to the newest one, the twelve before, and so on: each
-- is measured against itself, after the growth between the years, taken as steady, is taken out of
-- its months: else the last months of each year would stand above their season. Of one year alone
-- nobody can tell growth from season. Nor can anybody tell a weak month from one in which a category was
-- not sold yet: where a later year brought revenue, those that began before its first sale are left out.
create or replace function api.seasonality(
    p_store text default null,
    p_category text default null,
    p_years integer default 3
)
returns table (
    category text,
    month integer,
    month_name text,
    index numeric,
    average_daily_revenue numeric,
    years integer
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_oldest constant date := api._oldest_day(v_stores);
    v_newest constant date := api._newest_day();
    v_start date;
    v_end date;
    v_years integer;
begin
    perform api._require_range('p_years', p_years, 1, 10);
    if v_oldest is null then
        return;
    end if;

    v_end := date_trunc('month', v_newest::timestamp + interval '1 day');
    v_years := least(
        p_years,
        extract(year from age(v_end, (date_trunc('month', v_oldest - interval '1 day'))
            + interval '1 month'))
    );
    if v_years < 1 then
        raise exception 'fewer than twelve complete months of sales, from % to %',
            v_oldest, v_newest
            using errcode = 'invalid_parameter_value',
                  hint = 'A month index needs a whole year; api.sales_trend() shows the months so far.';
    end if;

    v_start := v_end - interval '1 year' * v_years;

    return query
    with months as (
        select
            y.n as year,
            m.n / 12.0 as years_to_end,
            (v_end - interval '1 month' * (12 * y.n + m.n))::date as first_day,
            (v_end - interval '1 month' * (12 * y.n + m.n - 1))::date as next_first
        from generate_series(0, v_years - 1) as y (n)
        cross join generate_series(1, 12) as m (n)
    ),
    sales as materialized (
        select d.category_id, date_trunc('month', d.sold_on::timestamp)::date as first_day,
            sum(d.revenue) as revenue
        from api._daily_sales(v_stores, v_start, v_end - 1) as d
        where v_category is null or d.category_id = v_category
        group by d.category_id, date_trunc('month', d.sold_on::timestamp)::date
    ),
    -- The first month of categories that are new; most sold in the first of these years.
    starts as (
        select s.category_id, min(s.first_day) as first_day
        from sales as s
        group by s.category_id
        -- By "case": of two conditions PostgreSQL would ask the second first, of every row.
        having case
            when min(s.first_day) > v_start
                then not api._sold_before(v_stores, s.category_id, v_start)
        end
    ),
    daily as (
        select
            c.category_id, c.name, m.year,
            extract(month from m.first_day)::integer as month,
            m.next_first - m.first_day as days,
            m.years_to_end,
            coalesce(s.revenue, 0.00) / (m.next_first - m.first_day) as revenue,
            sum(coalesce(s.revenue, 0.00)) over w / sum(m.next_first - m.first_day) over w as level,
            min(coalesce(s.revenue, 0.00)) over w as weakest,
            coalesce(min(m.first_day) over w >= b.first_day, true) as is_whole
        from retail.categories as c
        cross join months as m
        left join sales as s on s.category_id = c.category_id and s.first_day = m.first_day
        left join starts as b on b.category_id = c.category_id
        where v_category is null or c.category_id = v_category
        window w as (partition by c.category_id, m.year)
    ),
    -- The logarithm of growth a year, by least squares over the years that sold in every month: one
    -- in which a category began says nothing of growth. 0 where there are not two. In floating point:
    -- logarithms of exact numbers took as long as the rest.
    growth as (
        select d.category_id,
            coalesce(
                regr_slope(ln(d.level::double precision), -d.year) filter (where d.weakest > 0), 0
            ) as rate
        from daily as d
        group by d.category_id
    ),
    steady as (
        select d.name, d.month, d.days, d.level, d.year, d.revenue, d.is_whole,
            bool_or(d.is_whole and d.level > 0) over (partition by d.category_id) as has_whole,
            d.revenue * exp(g.rate * d.years_to_end)::numeric as grown
        from daily as d
        join growth as g on g.category_id = d.category_id
    ),
    indexed as (
        select s.name, s.month, s.revenue,
            case when s.level > 0 then 100 * s.grown
                / nullif(greatest(0, sum(s.grown * s.days) over w / sum(s.days) over w), 0)
            end as index
        from steady as s
        where s.is_whole or not s.has_whole
        window w as (partition by s.name, s.year)
    )
    select
        i.name, i.month, to_char(make_date(2000, i.month, 1), 'FMMonth'),
        round(avg(i.index), 2),
        -- A mean of quotients that is half a cent comes out a hair less.
        round(round(avg(i.revenue), 10), 2),
        count(*)::integer
    from indexed as i
    group by i.name, i.month
    order by i.name, i.month;
end;
$function$;

comment on function api.seasonality(text, text, integer) is
    'Month index by category: revenue a day in percent of the average day of the year, growth between years taken out as steady. The mean over the last complete years (twelve months up to the newest complete one, the twelve before, and so on; column years tells how many). Years that began before the first sale of a category are left out where a later one has revenue, and from the index years whose revenue is not above 0. average_daily_revenue in USD without tax, net of returns; months of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_category: e.g. Hand Tools; null for all
p_years: at most, 1 to 10';
revoke execute on function api.seasonality(text, text, integer) from public;
grant execute on function api.seasonality(text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_comparison.sql
-- api.store_comparison(): the caller's stores beside each other, best first.
-- The stores are read once, with their names and their sales: each time more would be one more check of
-- the context. With one plan: to plan for the values at hand took as long as two thirds of the whole.
create or replace function api.store_comparison(
    p_from date default null,
    p_to date default null,
    p_by text default 'revenue'
)
returns table (
    rank bigint,
    store_key text,
    store text,
    revenue numeric,
    revenue_percent numeric,
    orders bigint,
    units bigint,
    average_basket numeric,
    margin numeric,
    margin_percent numeric,
    return_rate numeric,
    previous_revenue numeric,
    growth_percent numeric,
    year_ago_revenue numeric,
    year_growth_percent numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_range record;
    v_days integer;
    v_previous date;
    v_year_from date;
    v_year_to date;
begin
    perform api._require_choice(
        'p_by', p_by, array['revenue', 'margin', 'orders', 'units', 'growth']
    );
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;
    v_previous := v_range.date_from - v_days;
    v_year_from := v_range.date_from - interval '1 year';
    v_year_to := v_range.date_to - interval '1 year';

    return query
    -- No day is read twice: a year ago may lie in the days before, in part or whole.
    with spans (day_from, day_to) as (
        values
            (v_previous, v_range.date_to),
            (v_year_from, least(v_year_to, v_previous - 1))
    ),
    compared as (
        select
            s.store_key, s.name,
            coalesce(d.revenue, 0.00) as revenue,
            coalesce(d.orders, 0)::bigint as orders,
            coalesce(d.units, 0)::bigint as units,
            coalesce(d.margin, 0.00) as margin,
            coalesce(d.previous, 0.00) as previous,
            coalesce(d.year_ago, 0.00) as year_ago,
            api._growth(coalesce(d.revenue, 0.00), d.previous) as growth,
            round(d.gross_revenue / nullif(d.orders, 0), 2) as average_basket,
            api._percent(d.returned_units, d.units + d.returned_units) as return_rate
        from retail.stores as s
        cross join lateral (
            select
                sum(t.revenue) filter (where t.sold_on >= v_range.date_from) as revenue,
                sum(t.gross_revenue) filter (where t.sold_on >= v_range.date_from) as gross_revenue,
                sum(t.orders) filter (where t.sold_on >= v_range.date_from) as orders,
                sum(t.units) filter (where t.sold_on >= v_range.date_from) as units,
                sum(t.returned_units) filter (where t.sold_on >= v_range.date_from)
                    as returned_units,
                sum(t.revenue - t.cost) filter (where t.sold_on >= v_range.date_from) as margin,
                sum(t.revenue) filter (
                    where t.sold_on >= v_previous and t.sold_on < v_range.date_from
                ) as previous,
                sum(t.revenue) filter (where t.sold_on between v_year_from and v_year_to)
                    as year_ago
            from spans as p
            cross join lateral api._daily_store_totals(
                s.store_id, s.rolled_up_to, p.day_from, p.day_to
            ) as t
            where p.day_from <= p.day_to
        ) as d
        where v_days is not null
    )
    select
        rank() over (
            order by
                case p_by
                    when 'margin' then c.margin
                    when 'orders' then c.orders
                    when 'units' then c.units
                    when 'growth' then c.growth
                    else c.revenue
                end desc nulls last
        ) as place,
        c.store_key, c.name, c.revenue, api._percent(c.revenue, sum(c.revenue) over ()),
        c.orders, c.units, c.average_basket, c.margin, api._percent(c.margin, c.revenue),
        c.return_rate, c.previous, c.growth, c.year_ago, api._growth(c.revenue, c.year_ago)
    from compared as c
    order by place, c.store_key;
end;
$function$;

comment on function api.store_comparison(date, date, text) is
    'Your stores side by side, against as many days before (previous) and the same days a year ago. Equal stores share a rank. average_basket: before returns; margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold. USD after discount, without tax, net of returns; days of each store''s time zone.

p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_by: revenue, margin, orders, units or growth';
revoke execute on function api.store_comparison(date, date, text) from public;
grant execute on function api.store_comparison(date, date, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/store_performance.sql
-- api.store_performance(): how one store does, against the period before and a year ago.
-- A store that is not there and one that the caller may not see get the same answer.
create or replace function api.store_performance(
    p_store_id uuid,
    p_from date default null,
    p_to date default null
)
returns table (
    metric text,
    unit text,
    value numeric,
    previous numeric,
    change numeric,
    year_ago numeric,
    year_change numeric,
    insights text[],
    period_from date,
    period_to date
)
language plpgsql
stable
parallel restricted
security invoker
rows 13
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_store record;
    v_range record;
    v_days integer;
begin
    select s.time_zone, s.rolled_up_to into v_store
    from retail.stores as s
    where s.store_id = p_store_id;
    if v_store.time_zone is null then
        raise exception 'store % is not visible to you', coalesce(p_store_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'retail.stores has the ids of your stores, api.whoami() their keys.';
    end if;

    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    v_days := v_range.date_to - v_range.date_from + 1;

    return query
    select
        p.metric, p.unit, p.value, p.previous,
        case p.unit when 'percent' then p.value - p.previous
            else api._growth(p.value, p.previous) end,
        p.year_ago,
        case p.unit when 'percent' then p.value - p.year_ago
            else api._growth(p.value, p.year_ago) end,
        api._insights(p.metric, p.value, p.previous, p.year_ago, v_days),
        v_range.date_from, v_range.date_to
    from api._performance(
        p_store_id, v_store.time_zone, v_store.rolled_up_to, v_range.date_from, v_range.date_to
    ) as p
    where v_days is not null
    order by p.place;
end;
$function$;

comment on function api.store_performance(uuid, date, date) is
    'Figures of one store, against as many days before (previous) and the same days a year ago. A row for each of revenue (after discount, net of returns), gross_revenue (before returns), orders (completed), units (net of returns), average_basket (gross_revenue / orders), margin (revenue less purchase cost), margin_percent (of revenue), returned_units, returned_revenue, return_rate (pieces returned in percent of pieces sold) and active_customers (with a completed order), new_customers (their first one here) and returning_customers (the others). Each with its value, the value of as many days before (previous), of the same days a year ago (year_ago) and the change from them: in percent, for percentages in points. insights: what changed enough to be told. USD without tax; days of the store''s time zone.

p_store_id: from retail.stores
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale';
revoke execute on function api.store_performance(uuid, date, date) from public;
grant execute on function api.store_performance(uuid, date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/analytics/top_products.sql
-- api.top_products(): the products that sell best. Joins with retail.products by product_id.
-- From the lines: the rollup does not know products.
create or replace function api.top_products(
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_category text default null,
    p_by text default 'revenue',
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    product_type text,
    revenue numeric,
    revenue_percent numeric,
    units bigint,
    orders bigint,
    margin numeric,
    margin_percent numeric,
    returned_units bigint,
    return_rate numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_ids(p_store);
    v_filter constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_span record;
begin
    perform api._require_choice('p_by', p_by, array['revenue', 'units', 'margin']);
    perform api._require_range('p_limit', p_limit, 1, 1000);
    select r.date_from, r.date_to into v_range from api._date_range(p_from, p_to) as r;
    select s.moment_from, s.moment_to, s.is_exact
    into v_span
    from api._span(v_stores, v_range.date_from, v_range.date_to) as s;

    return query
    with sold as (
        select
            l.product_id,
            sum(l.total_amount) as revenue,
            sum(l.quantity) as units,
            sum(l.total_amount - l.cost) as margin,
            coalesce(-sum(l.quantity) filter (where l.is_return), 0) as returned_units
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    ranked as (
        select
            row_number() over (
                order by
                    case p_by when 'units' then s.units when 'margin' then s.margin
                        else s.revenue end desc,
                    p.sku
            ) as rank,
            s.*, p.sku, p.name, p.category_id, p.type_id,
            sum(s.revenue) over () as total
        from sold as s
        join retail.products as p on p.product_id = s.product_id
    )
    select
        r.rank, r.product_id, r.sku, r.name, c.name, t.name,
        r.revenue, api._percent(r.revenue, r.total), r.units, o.orders,
        r.margin, api._percent(r.margin, r.revenue),
        r.returned_units, api._percent(r.returned_units, r.units + r.returned_units)
    from ranked as r
    join retail.categories as c on c.category_id = r.category_id
    join retail.product_types as t on t.type_id = r.type_id
    -- Counted for the few products that are shown: distinct counts are slow.
    cross join lateral (
        select count(distinct (l.store_id, l.order_id)) as orders
        from api.sale_lines as l
        where (v_filter is null or l.store_id = any (v_filter))
            and l.product_id = r.product_id
            and l.order_date >= v_span.moment_from
            and l.order_date < v_span.moment_to
            and (
                v_span.is_exact
                or l.sold_on between v_range.date_from and v_range.date_to
            )
            and not l.is_return
    ) as o
    where r.rank <= p_limit
    order by r.rank;
end;
$function$;

comment on function api.top_products(text, date, date, text, text, integer) is
    'The products that sell best, net of returns. revenue_percent: share of the revenue of all products asked about. orders: those in which the product was sold. margin: revenue less purchase cost; return_rate: pieces returned in percent of pieces sold. USD after discount, without tax; days of the store''s time zone.

p_store: e.g. seattle; its store_key, null for all that you see
p_from: first day; null for 29 days before p_to
p_to: last day; null for the day of the newest sale
p_category: e.g. Hand Tools; null for all
p_by: revenue, units or margin
p_limit: 1 to 1000';
revoke execute on function api.top_products(text, date, date, text, text, integer) from public;
grant execute on function api.top_products(text, date, date, text, text, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/audit/_audit_digest.sql
-- zava._audit_digest(): the link of one record: a hash over the former link and every column but
-- the hash itself. A row's text tells null from empty and quotes what could be mistaken for the end
-- of a field; moments are counted in seconds, so that no setting changes the text.
create or replace function zava._audit_digest(
    p_former bytea,
    p_record zava.audit_log
)
returns bytea
language sql
stable
parallel safe
security invoker
begin atomic
    select sha256(p_former || convert_to(
        row(
            (p_record).number,
            extract(epoch from (p_record).recorded_at),
            extract(epoch from (p_record).called_at),
            (p_record).principal_id,
            (p_record).principal,
            (p_record).client,
            (p_record).key_id,
            (p_record).tool,
            (p_record).sql,
            (p_record).fingerprint,
            (p_record).arguments,
            (p_record).verdict,
            (p_record).code,
            (p_record).sqlstate,
            (p_record).row_count,
            (p_record).byte_count,
            (p_record).duration_us,
            (p_record).cached,
            (p_record).request_id,
            (p_record).trace_id,
            (p_record).source_id,
            (p_record).source_number
        )::text,
        'UTF8'
    ));
end;

comment on function zava._audit_digest(bytea, zava.audit_log) is
    'SHA-256 that chains a record of the audit to the one before it.

p_former: hash of the record before
p_record: the record; its own hash is left out';
revoke execute on function zava._audit_digest(bytea, zava.audit_log) from public;

-- source: db/functions/audit/_audit_partition.sql
-- zava._audit_partition(): makes the partition of a month (UTC) unless it is there.
-- Attached, not created as a partition: that would wait for everybody who reads the log.
-- In ISO's form a moment has a number for its offset; "IST" is that of India or of Israel.
create or replace function zava._audit_partition(
    p_moment timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO'
as $function$
declare
    v_month timestamp := date_trunc('month', p_moment at time zone 'UTC');
    v_name text := 'audit_log_' || to_char(v_month, 'YYYY_MM');
begin
    if to_regclass('zava.' || v_name) is not null then
        return;
    end if;

    execute format('create table zava.%I (like zava.audit_log including all)', v_name);
    execute format('alter table zava.%I enable row level security', v_name);
    execute format(
        'alter table zava.audit_log attach partition zava.%I for values from (%L) to (%L)',
        v_name,
        v_month at time zone 'UTC',
        (v_month + interval '1 month') at time zone 'UTC'
    );
end;
$function$;

comment on function zava._audit_partition(timestamptz) is
    'Makes the partition of the audit log in which this moment lies, if it is missing.

p_moment: the moment';
revoke execute on function zava._audit_partition(timestamptz) from public;

-- source: db/functions/audit/append_audit.sql
-- zava.append_audit(): the only way into the audit log. Appends a batch, each record chained to the
-- one before it, and returns the head of the chain, for the server to keep as an anchor outside.
-- Servers write one after the other: the row of the head is locked until the batch is committed.
-- A server numbers its records and sends again what it does not know to have arrived; what is here
-- already is skipped, so that a record is neither lost nor doubled.
-- Gives up where the log is locked: a server that has hung up would leave one that waits behind with
-- each attempt, until no connection is left.
-- SECURITY DEFINER: the service login appends, and can neither read nor change what is there.
create or replace function zava.append_audit(
    p_source_id uuid,
    p_records jsonb
)
returns table (number bigint, hash bytea)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $function$
declare
    v_head zava.audit_head;
    v_record zava.audit_log;
    v_known bigint;
begin
    -- What is here is in no journal any more: it has to survive a crash.
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;

    select h.* into strict v_head from zava.audit_head as h for update;
    -- Never backwards, whatever the clock does: the order of moments is the order of the chain.
    v_head.recorded_at := greatest(v_head.recorded_at, clock_timestamp());
    perform zava._audit_partition(v_head.recorded_at);

    insert into zava.audit_sources as s (source_id)
    values (p_source_id)
    on conflict (source_id) do update set updated_at = clock_timestamp()
    returning s.number into v_known;

    for v_record in
        select r.*
        from jsonb_populate_recordset(null::zava.audit_log, p_records) as r
        where r.source_number > v_known
        order by r.source_number
    loop
        v_head.number := v_head.number + 1;
        v_known := v_record.source_number;
        v_record.number := v_head.number;
        v_record.recorded_at := v_head.recorded_at;
        v_record.source_id := p_source_id;
        v_head.hash := zava._audit_digest(v_head.hash, v_record);
        v_record.hash := v_head.hash;
        insert into zava.audit_log select v_record.*;
    end loop;

    update zava.audit_sources as s set number = v_known where s.source_id = p_source_id;

    update zava.audit_head as h
    set number = v_head.number, hash = v_head.hash, recorded_at = v_head.recorded_at;

    return query select v_head.number, v_head.hash;
end;
$function$;

comment on function zava.append_audit(uuid, jsonb) is
    'Appends records to the audit log and returns number and hash of its last record.

p_source_id: who numbered the records, one journal of one server
p_records: array of objects with the columns of zava.audit_log; source_number rises';
revoke execute on function zava.append_audit(uuid, jsonb) from public;
grant execute on function zava.append_audit(uuid, jsonb) to zava_service;

-- source: db/functions/audit/audit_chain.sql
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

-- source: db/functions/audit/audit_records.sql
-- zava.audit_records(): the log for `zava-sql audit tail`. The newest records, or those that came
-- after a given one; oldest first either way. Ids of principals are secrets of their holders and
-- are left out.
create or replace function zava.audit_records(
    p_limit integer default 20,
    p_principal text default null,
    p_after bigint default null,
    p_since timestamptz default '-infinity'
)
returns table (
    number bigint,
    recorded_at timestamptz,
    called_at timestamptz,
    principal text,
    client text,
    key_id uuid,
    tool text,
    sql text,
    fingerprint text,
    arguments text,
    verdict text,
    code text,
    sqlstate text,
    row_count bigint,
    byte_count bigint,
    duration_us bigint,
    cached boolean,
    request_id text,
    trace_id text,
    hash text
)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        l.number, l.recorded_at, l.called_at, l.principal, l.client, l.key_id, l.tool, l.sql,
        l.fingerprint, l.arguments, l.verdict, l.code, l.sqlstate, l.row_count, l.byte_count,
        l.duration_us, l.cached, l.request_id, l.trace_id, encode(l.hash, 'hex')
    from (
        (
            select n.*
            from zava.audit_log as n
            where p_after is null and (p_principal is null or n.principal = p_principal)
            order by n.recorded_at desc, n.number desc
            limit p_limit
        )
        union all
        (
            select f.*
            from zava.audit_log as f
            where f.recorded_at >= p_since
                and f.number > p_after
                and (p_principal is null or f.principal = p_principal)
            order by f.recorded_at, f.number
            limit p_limit
        )
    ) as l
    order by l.number;
end;

comment on function zava.audit_records(integer, text, bigint, timestamptz) is
    'Records of the audit log, oldest first: the newest, or those after a given one.

p_limit: records at most
p_principal: name of a principal, to see its calls only
p_after: number of a record, to see what came after it
p_since: recorded_at of that record, which finds it quickly';
revoke execute on function zava.audit_records(integer, text, bigint, timestamptz) from public;

-- source: db/functions/audit/drop_audit_before.sql
-- zava.drop_audit_before(): retention. Drops the partitions that end by this moment, whole months,
-- and keeps the last link of what is gone, from which the chain goes on. Gives up where somebody
-- reads the log for long, such as zava.verify_audit(): meanwhile no server could write to it.
create or replace function zava.drop_audit_before(
    p_moment timestamptz
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_end text := 'audit_log_' || to_char(p_moment at time zone 'UTC', 'YYYY_MM');
    v_partition regclass;
    v_number bigint;
    v_hash bytea;
    v_dropped integer := 0;
begin
    if p_moment is null or p_moment > now() then
        raise exception 'not a moment in the past: %', coalesce(p_moment::text, 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'For example: now() - interval ''2 years''.';
    end if;

    perform from zava.audit_head as h for update;

    for v_partition in
        select i.inhrelid
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'zava.audit_log'::regclass and c.relname < v_end
        order by c.relname
    loop
        execute format(
            'select p.number, p.hash from %s as p order by p.recorded_at desc, p.number desc limit 1',
            v_partition
        )
        into v_number, v_hash;
        update zava.audit_head as h
        set first_number = v_number, first_hash = v_hash
        where v_number is not null;
        execute format('drop table %s', v_partition);
        v_dropped := v_dropped + 1;
    end loop;

    delete from zava.audit_sources as s where s.updated_at < p_moment;

    return v_dropped;
end;
$function$;

comment on function zava.drop_audit_before(timestamptz) is
    'Drops the months of the audit log that were over by this moment; returns how many.

p_moment: a moment in the past';
revoke execute on function zava.drop_audit_before(timestamptz) from public;

-- source: db/functions/audit/queries_of_caller.sql
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

-- source: db/functions/audit/my_queries.sql
-- api.my_queries(): the caller's own part of the audit log. The newest records may take a moment to
-- arrive. Bound at creation (begin atomic): the caller needs no USAGE on the kernel's schema.
create or replace function api.my_queries(
    p_limit integer default 20
)
returns table (
    called_at timestamptz,
    tool text,
    sql text,
    arguments text,
    verdict text,
    code text,
    sqlstate text,
    row_count bigint,
    duration_ms numeric,
    cached boolean
)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        q.called_at,
        q.tool,
        q.sql,
        q.arguments,
        q.verdict,
        q.code,
        q.sqlstate,
        q.row_count,
        round(q.duration_us / 1000.0, 1),
        q.cached
    from zava.queries_of_caller(current_user, least(greatest(p_limit, 1), 1000)) as q
    order by q.called_at desc, q.number desc;
end;

comment on function api.my_queries(integer) is
    'Your own latest calls as the audit log has them: when, what ran, how it ended.

p_limit: calls at most, 1000 or fewer';
revoke execute on function api.my_queries(integer) from public;
grant execute on function api.my_queries(integer) to store_manager, regional_manager, head_office;

-- source: db/functions/audit/verify_audit.sql
-- zava.verify_audit(): walks the chain from the first record that is kept to the head, and stops at
-- the first broken link. One record at a time: the log may be larger than memory.
-- Who may write the tables could write a whole new chain; only a link noted outside this database,
-- the anchor, shows that. STABLE: all of it is one snapshot, also while servers append.
create or replace function zava.verify_audit(
    p_number bigint default null,
    p_hash bytea default null
)
returns table (checked bigint, broken bigint, problem text, number bigint, hash bytea)
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
-- The key has the order of the chain: never sort a whole log.
set enable_sort = off
as $function$
#variable_conflict use_column
declare
    v_head zava.audit_head;
    v_record zava.audit_log;
begin
    select h.* into strict v_head from zava.audit_head as h;
    number := v_head.first_number;
    hash := v_head.first_hash;
    checked := 0;

    if p_number = number and p_hash is distinct from hash then
        broken := number;
        problem := format('record %s is not the anchor: the log was written anew', broken);
        return next;
        return;
    end if;

    for v_record in
        select l.* from zava.audit_log as l order by l.recorded_at, l.number
    loop
        broken := number + 1;
        if v_record.number is distinct from broken then
            problem := format('record %s is missing; the next is %s', broken, v_record.number);
        elsif zava._audit_digest(hash, v_record) is distinct from v_record.hash then
            problem := format('record %s, or the link to the one before, was changed', broken);
        elsif v_record.number = p_number and v_record.hash is distinct from p_hash then
            problem := format('record %s is not the anchor: the log was written anew', broken);
        end if;
        if problem is not null then
            return next;
            return;
        end if;
        checked := checked + 1;
        number := v_record.number;
        hash := v_record.hash;
    end loop;

    broken := number + 1;
    if number < v_head.number or number < p_number then
        problem := format(
            'records %s to %s are missing at the end', broken, greatest(v_head.number, p_number)
        );
    elsif number <> v_head.number or hash is distinct from v_head.hash then
        problem := 'the head does not belong to the last record';
    elsif p_number < v_head.first_number then
        -- Who writes a log anew could say that retention took what the anchor belongs to.
        broken := p_number;
        problem := format('record %s, the anchor, is no longer kept and cannot be compared', broken);
    else
        broken := null;
    end if;
    return next;
end;
$function$;

comment on function zava.verify_audit(bigint, bytea) is
    'Proves the chain of the audit log: records checked, the first broken link and what is wrong with it (null: nothing), number and hash of the last good record.

p_number: number of a record noted outside this database, the anchor
p_hash: hash of that record';
revoke execute on function zava.verify_audit(bigint, bytea) from public;

-- source: db/policies/customers.sql
-- Row-level security of retail.customers: a store sees its own customers, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.customers enable row level security;
alter table retail.customers force row level security;

drop policy if exists customers_store_manager_select on retail.customers;
create policy customers_store_manager_select
    on retail.customers
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists customers_regional_manager_select on retail.customers;
create policy customers_regional_manager_select
    on retail.customers
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists customers_head_office_select on retail.customers;
create policy customers_head_office_select
    on retail.customers
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists customers_store_manager_fence on retail.customers;
create policy customers_store_manager_fence
    on retail.customers
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists customers_regional_manager_fence on retail.customers;
create policy customers_regional_manager_fence
    on retail.customers
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists customers_head_office_fence on retail.customers;
create policy customers_head_office_fence
    on retail.customers
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists customers_writer_all on retail.customers;
create policy customers_writer_all
    on retail.customers
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy customers_store_manager_fence on retail.customers is
    'A store: rows of the store in the signed context, else none.';
comment on policy customers_regional_manager_fence on retail.customers is
    'A region: rows of the stores in the signed context, else none.';
comment on policy customers_head_office_fence on retail.customers is
    'Head office: all rows under a valid signed context, else none.';
comment on policy customers_writer_all on retail.customers is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.customers from public;
grant select on retail.customers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.customers to zava_writer;

-- source: db/policies/daily_customers.sql
-- Row-level security of retail.daily_customers: a store sees its own days of customers, a region
-- those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.daily_customers enable row level security;
alter table retail.daily_customers force row level security;

drop policy if exists daily_customers_store_manager_select on retail.daily_customers;
create policy daily_customers_store_manager_select
    on retail.daily_customers
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_customers_regional_manager_select on retail.daily_customers;
create policy daily_customers_regional_manager_select
    on retail.daily_customers
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_customers_head_office_select on retail.daily_customers;
create policy daily_customers_head_office_select
    on retail.daily_customers
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_customers_store_manager_fence on retail.daily_customers;
create policy daily_customers_store_manager_fence
    on retail.daily_customers
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists daily_customers_regional_manager_fence on retail.daily_customers;
create policy daily_customers_regional_manager_fence
    on retail.daily_customers
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_customers_head_office_fence on retail.daily_customers;
create policy daily_customers_head_office_fence
    on retail.daily_customers
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_customers_writer_all on retail.daily_customers;
create policy daily_customers_writer_all
    on retail.daily_customers
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_customers_store_manager_fence on retail.daily_customers is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_customers_regional_manager_fence on retail.daily_customers is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_customers_head_office_fence on retail.daily_customers is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_customers_writer_all on retail.daily_customers is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_customers from public;
grant select on retail.daily_customers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_customers to zava_writer;

-- source: db/policies/daily_sales.sql
-- Row-level security of retail.daily_sales: a store sees its own daily sales, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.daily_sales enable row level security;
alter table retail.daily_sales force row level security;

drop policy if exists daily_sales_store_manager_select on retail.daily_sales;
create policy daily_sales_store_manager_select
    on retail.daily_sales
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_sales_regional_manager_select on retail.daily_sales;
create policy daily_sales_regional_manager_select
    on retail.daily_sales
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_sales_head_office_select on retail.daily_sales;
create policy daily_sales_head_office_select
    on retail.daily_sales
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_sales_store_manager_fence on retail.daily_sales;
create policy daily_sales_store_manager_fence
    on retail.daily_sales
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists daily_sales_regional_manager_fence on retail.daily_sales;
create policy daily_sales_regional_manager_fence
    on retail.daily_sales
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_sales_head_office_fence on retail.daily_sales;
create policy daily_sales_head_office_fence
    on retail.daily_sales
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_sales_writer_all on retail.daily_sales;
create policy daily_sales_writer_all
    on retail.daily_sales
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_sales_store_manager_fence on retail.daily_sales is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_sales_regional_manager_fence on retail.daily_sales is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_sales_head_office_fence on retail.daily_sales is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_sales_writer_all on retail.daily_sales is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_sales from public;
grant select on retail.daily_sales to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_sales to zava_writer;

-- source: db/policies/daily_totals.sql
-- Row-level security of retail.daily_totals: a store sees its own daily totals, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.daily_totals enable row level security;
alter table retail.daily_totals force row level security;

drop policy if exists daily_totals_store_manager_select on retail.daily_totals;
create policy daily_totals_store_manager_select
    on retail.daily_totals
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists daily_totals_regional_manager_select on retail.daily_totals;
create policy daily_totals_regional_manager_select
    on retail.daily_totals
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_totals_head_office_select on retail.daily_totals;
create policy daily_totals_head_office_select
    on retail.daily_totals
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists daily_totals_store_manager_fence on retail.daily_totals;
create policy daily_totals_store_manager_fence
    on retail.daily_totals
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists daily_totals_regional_manager_fence on retail.daily_totals;
create policy daily_totals_regional_manager_fence
    on retail.daily_totals
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists daily_totals_head_office_fence on retail.daily_totals;
create policy daily_totals_head_office_fence
    on retail.daily_totals
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists daily_totals_writer_all on retail.daily_totals;
create policy daily_totals_writer_all
    on retail.daily_totals
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy daily_totals_store_manager_fence on retail.daily_totals is
    'A store: rows of the store in the signed context, else none.';
comment on policy daily_totals_regional_manager_fence on retail.daily_totals is
    'A region: rows of the stores in the signed context, else none.';
comment on policy daily_totals_head_office_fence on retail.daily_totals is
    'Head office: all rows under a valid signed context, else none.';
comment on policy daily_totals_writer_all on retail.daily_totals is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.daily_totals from public;
grant select on retail.daily_totals to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.daily_totals to zava_writer;

-- source: db/policies/inventory.sql
-- Row-level security of retail.inventory: a store sees its own prices, costs and stock, a region
-- those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index that begins with product_id is never searched
-- without it. By itself it would join the equivalence class of whatever a query sets equal to
-- store_id, and PostgreSQL could evaluate that in its place. The CASE in front of it joins no class,
-- and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.inventory enable row level security;
alter table retail.inventory force row level security;

drop policy if exists inventory_store_manager_select on retail.inventory;
create policy inventory_store_manager_select
    on retail.inventory
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists inventory_regional_manager_select on retail.inventory;
create policy inventory_regional_manager_select
    on retail.inventory
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists inventory_head_office_select on retail.inventory;
create policy inventory_head_office_select
    on retail.inventory
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists inventory_store_manager_fence on retail.inventory;
create policy inventory_store_manager_fence
    on retail.inventory
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists inventory_regional_manager_fence on retail.inventory;
create policy inventory_regional_manager_fence
    on retail.inventory
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists inventory_head_office_fence on retail.inventory;
create policy inventory_head_office_fence
    on retail.inventory
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists inventory_writer_all on retail.inventory;
create policy inventory_writer_all
    on retail.inventory
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy inventory_store_manager_fence on retail.inventory is
    'A store: rows of the store in the signed context, else none.';
comment on policy inventory_regional_manager_fence on retail.inventory is
    'A region: rows of the stores in the signed context, else none.';
comment on policy inventory_head_office_fence on retail.inventory is
    'Head office: all rows under a valid signed context, else none.';
comment on policy inventory_writer_all on retail.inventory is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.inventory from public;
grant select on retail.inventory to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.inventory to zava_writer;

-- source: db/policies/order_items.sql
-- Row-level security of retail.order_items: a store sees its own order lines, a region those of the
-- stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.order_items enable row level security;
alter table retail.order_items force row level security;

drop policy if exists order_items_store_manager_select on retail.order_items;
create policy order_items_store_manager_select
    on retail.order_items
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists order_items_regional_manager_select on retail.order_items;
create policy order_items_regional_manager_select
    on retail.order_items
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists order_items_head_office_select on retail.order_items;
create policy order_items_head_office_select
    on retail.order_items
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists order_items_store_manager_fence on retail.order_items;
create policy order_items_store_manager_fence
    on retail.order_items
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists order_items_regional_manager_fence on retail.order_items;
create policy order_items_regional_manager_fence
    on retail.order_items
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists order_items_head_office_fence on retail.order_items;
create policy order_items_head_office_fence
    on retail.order_items
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists order_items_writer_all on retail.order_items;
create policy order_items_writer_all
    on retail.order_items
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy order_items_store_manager_fence on retail.order_items is
    'A store: rows of the store in the signed context, else none.';
comment on policy order_items_regional_manager_fence on retail.order_items is
    'A region: rows of the stores in the signed context, else none.';
comment on policy order_items_head_office_fence on retail.order_items is
    'Head office: all rows under a valid signed context, else none.';
comment on policy order_items_writer_all on retail.order_items is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.order_items from public;
grant select on retail.order_items to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.order_items to zava_writer;

-- source: db/policies/orders.sql
-- Row-level security of retail.orders: a store sees its own orders, a region those of the stores in
-- its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.orders enable row level security;
alter table retail.orders force row level security;

drop policy if exists orders_store_manager_select on retail.orders;
create policy orders_store_manager_select
    on retail.orders
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists orders_regional_manager_select on retail.orders;
create policy orders_regional_manager_select
    on retail.orders
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists orders_head_office_select on retail.orders;
create policy orders_head_office_select
    on retail.orders
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists orders_store_manager_fence on retail.orders;
create policy orders_store_manager_fence
    on retail.orders
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists orders_regional_manager_fence on retail.orders;
create policy orders_regional_manager_fence
    on retail.orders
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists orders_head_office_fence on retail.orders;
create policy orders_head_office_fence
    on retail.orders
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists orders_writer_all on retail.orders;
create policy orders_writer_all
    on retail.orders
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy orders_store_manager_fence on retail.orders is
    'A store: rows of the store in the signed context, else none.';
comment on policy orders_regional_manager_fence on retail.orders is
    'A region: rows of the stores in the signed context, else none.';
comment on policy orders_head_office_fence on retail.orders is
    'Head office: all rows under a valid signed context, else none.';
comment on policy orders_writer_all on retail.orders is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.orders from public;
grant select on retail.orders to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.orders to zava_writer;

-- source: db/policies/search_assortments.sql
-- Row-level security of retail.search_assortments: a store sees its own copies of what it sells, a
-- region those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_assortments enable row level security;
alter table retail.search_assortments force row level security;

drop policy if exists search_assortments_store_manager_select on retail.search_assortments;
create policy search_assortments_store_manager_select
    on retail.search_assortments
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_assortments_regional_manager_select on retail.search_assortments;
create policy search_assortments_regional_manager_select
    on retail.search_assortments
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_assortments_head_office_select on retail.search_assortments;
create policy search_assortments_head_office_select
    on retail.search_assortments
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_assortments_store_manager_fence on retail.search_assortments;
create policy search_assortments_store_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_assortments_regional_manager_fence on retail.search_assortments;
create policy search_assortments_regional_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_assortments_head_office_fence on retail.search_assortments;
create policy search_assortments_head_office_fence
    on retail.search_assortments
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_assortments_writer_all on retail.search_assortments;
create policy search_assortments_writer_all
    on retail.search_assortments
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_assortments_store_manager_fence on retail.search_assortments is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_assortments_regional_manager_fence on retail.search_assortments is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_assortments_head_office_fence on retail.search_assortments is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_assortments_writer_all on retail.search_assortments is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_assortments from public;
grant select on retail.search_assortments to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_assortments to zava_writer;

-- source: db/policies/search_regions.sql
-- Row-level security of retail.search_regions: a region sees its own rows, head office all, a store
-- none.
-- That a region has rows, and what was measured for them, depends on what all of its stores sell: they
-- are not for who sees only some of these. So the opening policies let in just the region that is all
-- those stores of the caller that sell something, which for a store is none. Its id is written as
-- api._region_id() has it: a function that decides what is seen has to be of the kernel, which a tenant
-- cannot call by name.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_regions enable row level security;
alter table retail.search_regions force row level security;

drop policy if exists search_regions_store_manager_select on retail.search_regions;
create policy search_regions_store_manager_select
    on retail.search_regions
    as permissive
    for select
    to store_manager
    using (
        (true or store_id = (select (zava.visible_stores(current_user))[1]))
        and region_id = any (array[(
            select encode(substr(sha256(
                array_agg(s.store_id order by s.store_id)::text::bytea
            ), 1, 16), 'hex')::uuid
            from retail.search_stores as s
        )])
    );

drop policy if exists search_regions_regional_manager_select on retail.search_regions;
create policy search_regions_regional_manager_select
    on retail.search_regions
    as permissive
    for select
    to regional_manager
    using (
        (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]))
        and region_id = any (array[(
            select encode(substr(sha256(
                array_agg(s.store_id order by s.store_id)::text::bytea
            ), 1, 16), 'hex')::uuid
            from retail.search_stores as s
        )])
    );

drop policy if exists search_regions_head_office_select on retail.search_regions;
create policy search_regions_head_office_select
    on retail.search_regions
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_regions_store_manager_fence on retail.search_regions;
create policy search_regions_store_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_regions_regional_manager_fence on retail.search_regions;
create policy search_regions_regional_manager_fence
    on retail.search_regions
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_regions_head_office_fence on retail.search_regions;
create policy search_regions_head_office_fence
    on retail.search_regions
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_regions_writer_all on retail.search_regions;
create policy search_regions_writer_all
    on retail.search_regions
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_regions_store_manager_fence on retail.search_regions is
    'A store: none that is not of the store in the signed context.';
comment on policy search_regions_regional_manager_fence on retail.search_regions is
    'A region: none that is not of the stores in the signed context.';
comment on policy search_regions_head_office_fence on retail.search_regions is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_regions_writer_all on retail.search_regions is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_regions from public;
grant select on retail.search_regions to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_regions to zava_writer;

-- source: db/policies/search_stores.sql
-- Row-level security of retail.search_stores: a store sees how many products it sells itself, a
-- region those of the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.search_stores enable row level security;
alter table retail.search_stores force row level security;

drop policy if exists search_stores_store_manager_select on retail.search_stores;
create policy search_stores_store_manager_select
    on retail.search_stores
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_stores_regional_manager_select on retail.search_stores;
create policy search_stores_regional_manager_select
    on retail.search_stores
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_stores_head_office_select on retail.search_stores;
create policy search_stores_head_office_select
    on retail.search_stores
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists search_stores_store_manager_fence on retail.search_stores;
create policy search_stores_store_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists search_stores_regional_manager_fence on retail.search_stores;
create policy search_stores_regional_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_stores_head_office_fence on retail.search_stores;
create policy search_stores_head_office_fence
    on retail.search_stores
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_stores_writer_all on retail.search_stores;
create policy search_stores_writer_all
    on retail.search_stores
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_stores_store_manager_fence on retail.search_stores is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_stores_regional_manager_fence on retail.search_stores is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_stores_head_office_fence on retail.search_stores is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_stores_writer_all on retail.search_stores is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_stores from public;
grant select on retail.search_stores to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_stores to zava_writer;

-- source: db/policies/stock_movements.sql
-- Row-level security of retail.stock_movements: a store sees its own stock ledger, a region those of
-- the stores in its list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is an equality, so that an index can give the newest rows first. By itself it would
-- join the equivalence class of whatever a query sets equal to store_id, and PostgreSQL could
-- evaluate that in its place. The CASE in front of it joins no class, and is evaluated first.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.stock_movements enable row level security;
alter table retail.stock_movements force row level security;

drop policy if exists stock_movements_store_manager_select on retail.stock_movements;
create policy stock_movements_store_manager_select
    on retail.stock_movements
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists stock_movements_regional_manager_select on retail.stock_movements;
create policy stock_movements_regional_manager_select
    on retail.stock_movements
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stock_movements_head_office_select on retail.stock_movements;
create policy stock_movements_head_office_select
    on retail.stock_movements
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists stock_movements_store_manager_fence on retail.stock_movements;
create policy stock_movements_store_manager_fence
    on retail.stock_movements
    as restrictive
    for all
    to store_manager
    using (
        case when store_id = (select (zava.visible_stores(current_user))[1]) then true end is not null
        and store_id = (select (zava.visible_stores(current_user))[1])
    );

drop policy if exists stock_movements_regional_manager_fence on retail.stock_movements;
create policy stock_movements_regional_manager_fence
    on retail.stock_movements
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stock_movements_head_office_fence on retail.stock_movements;
create policy stock_movements_head_office_fence
    on retail.stock_movements
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists stock_movements_writer_all on retail.stock_movements;
create policy stock_movements_writer_all
    on retail.stock_movements
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy stock_movements_store_manager_fence on retail.stock_movements is
    'A store: rows of the store in the signed context, else none.';
comment on policy stock_movements_regional_manager_fence on retail.stock_movements is
    'A region: rows of the stores in the signed context, else none.';
comment on policy stock_movements_head_office_fence on retail.stock_movements is
    'Head office: all rows under a valid signed context, else none.';
comment on policy stock_movements_writer_all on retail.stock_movements is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.stock_movements from public;
grant select on retail.stock_movements to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.stock_movements to zava_writer;

-- source: db/policies/stores.sql
-- Row-level security of retail.stores: a store sees its own row, a region those of the stores in its
-- list, head office all.
-- One permissive policy for each class opens the table. The restrictive fence closes it but for the
-- stores of the signed context, so a second permissive policy that somebody adds by mistake opens
-- nothing.
-- A store's fence is = ANY of an array of one element. An equality would join the equivalence class
-- of whatever a query sets equal to store_id, and PostgreSQL could evaluate that in its place. Of an
-- array whose length it does not know PostgreSQL expects ten stores, and would not use the index.
-- The opening policies say "true or" the fence's condition. It costs nothing, but makes them depend
-- on the same column and function: a DROP … CASCADE that takes the fence takes them too, and no row
-- shows.
alter table retail.stores enable row level security;
alter table retail.stores force row level security;

drop policy if exists stores_store_manager_select on retail.stores;
create policy stores_store_manager_select
    on retail.stores
    as permissive
    for select
    to store_manager
    using (true or store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists stores_regional_manager_select on retail.stores;
create policy stores_regional_manager_select
    on retail.stores
    as permissive
    for select
    to regional_manager
    using (true or store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stores_head_office_select on retail.stores;
create policy stores_head_office_select
    on retail.stores
    as permissive
    for select
    to head_office
    using (true or (select zava.is_head_office(current_user)));

drop policy if exists stores_store_manager_fence on retail.stores;
create policy stores_store_manager_fence
    on retail.stores
    as restrictive
    for all
    to store_manager
    using (store_id = any (array[(select (zava.visible_stores(current_user))[1])]));

drop policy if exists stores_regional_manager_fence on retail.stores;
create policy stores_regional_manager_fence
    on retail.stores
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists stores_head_office_fence on retail.stores;
create policy stores_head_office_fence
    on retail.stores
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists stores_writer_all on retail.stores;
create policy stores_writer_all
    on retail.stores
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy stores_store_manager_fence on retail.stores is
    'A store: rows of the store in the signed context, else none.';
comment on policy stores_regional_manager_fence on retail.stores is
    'A region: rows of the stores in the signed context, else none.';
comment on policy stores_head_office_fence on retail.stores is
    'Head office: all rows under a valid signed context, else none.';
comment on policy stores_writer_all on retail.stores is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.stores from public;
grant select on retail.stores to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.stores to zava_writer;

-- sources end
reset role;

select zava._create_runner();

-- Privileges of the database itself are its owner's to change, so not as zava_owner.
select zava.secure_database();
