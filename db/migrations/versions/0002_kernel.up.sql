-- 0002 kernel: all functions and policies. Run by the administrator, like 0001.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/security/_create_tenant_role.sql
-- zava._create_tenant_role(): the NOLOGIN role of one tenant scope, for zava.create_principal().
-- It inherits what its class may do but cannot become it; the gateway can become it but inherits
-- nothing. A role that is there already keeps its members. SECURITY INVOKER: needs CREATEROLE.
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

    execute format('grant %I to %I with inherit true, set false', p_class, p_role);
    execute format('grant %I to zava_gateway with inherit false, set true', p_role);

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

-- source: db/functions/security/authenticate.sql
-- zava.authenticate(): the principal whose key this is; asked for every request over HTTP, so that
-- a revoked key, an expired one and a disabled principal are shut out at once.
-- SECURITY DEFINER: the service login reads identities through functions only.
create or replace function zava.authenticate(
    p_key_hash bytea
)
returns table (principal_id uuid, name text, kind text, role_name name, active boolean)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select p.principal_id, p.name, p.kind, p.role_name, p.active
    from zava.api_keys as k
    join zava.principals as p on p.principal_id = k.principal_id
    where k.key_hash = p_key_hash
        and k.revoked_at is null
        and k.expires_at > clock_timestamp();
end;

comment on function zava.authenticate(bytea) is
    'The principal of a key that is neither revoked nor expired, or no row.

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
    v_class text := case p_kind
        when 'store' then 'store_manager'
        when 'region' then 'regional_manager'
        when 'head' then 'head_office'
    end;
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

-- source: db/functions/security/harden.sql
-- zava.harden(): runs what zava.hardening() lists. For a superuser: to anybody else PostgreSQL
-- answers such a REVOKE with a warning and does nothing.
create or replace function zava.harden()
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
        select h.statement
        from zava.hardening() as h
    loop
        execute v_statement;
        v_count := v_count + 1;
    end loop;

    return v_count;
end;
$function$;

comment on function zava.harden() is
    'Hardens this database; returns the number of statements run. Can be run again.';
revoke execute on function zava.harden() from public;

-- source: db/functions/security/hardening.sql
-- zava.hardening(): what a superuser should take from PUBLIC in this database, and why.
-- Made from the live catalogue, so that a newer minor version's functions are caught as well.
-- pg_monitor and the owner keep what they need for their work.
create or replace function zava.hardening()
returns table (statement text, protects_from text)
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
            ('pg_current_wal_.*|pg_available_wal_summaries', 'log positions that tell the activity of others'),
            ('pg_show_all_settings|pg_config|pg_hba_file_rules', 'reading the configuration of the server'),
            ('setseed', 'state left behind on a pooled connection')
    ),
    functions as (
        select
            p.oid::regprocedure::text as signature,
            d.protects_from
        from pg_catalog.pg_proc as p
        join dangerous as d on p.proname ~ ('^(' || d.pattern || ')$')
        where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f'
        union all
        select p.oid::regprocedure::text, 'running SQL text hidden in a string'
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace
            and p.proname = 'ts_rewrite'
            and p.pronargs = 2
    ),
    statements as (
        select 1 as step, f.signature as object, s.statement, f.protects_from
        from functions as f
        cross join lateral (
            values
                (format('revoke execute on function %s from public', f.signature)),
                (format('grant execute on function %s to zava_owner, pg_monitor', f.signature))
        ) as s (statement)
        union all
        select 2, '', 'grant execute on function pg_advisory_unlock_all() to zava_gateway',
            'locks that outlive the transaction (the gateway frees them after each query)'
        union all
        select 3, '', s.statement, 'reading the configuration of the server'
        from (
            values
                ('revoke select, update on pg_catalog.pg_settings from public'),
                ('grant select on pg_catalog.pg_settings to zava_owner, pg_monitor')
        ) as s (statement)
        union all
        select 4, '', s.statement, 'estimates that tell the row counts of all tenants'
        from (
            select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
            from pg_catalog.pg_attribute as a
            where a.attrelid = 'pg_catalog.pg_class'::regclass
                and not a.attisdropped
                and a.attnum > 0
                and a.attname not in (
                    'reltuples', 'relpages', 'relallvisible', 'relallfrozen', 'relfilenode',
                    'relfrozenxid', 'relminmxid'
                )
        ) as c
        cross join lateral (
            values
                ('revoke select on pg_catalog.pg_class from public'),
                (format('grant select (%s) on pg_catalog.pg_class to public', c.columns)),
                ('grant select on pg_catalog.pg_class to zava_owner, pg_monitor')
        ) as s (statement)
    )
    select s.statement, s.protects_from
    from statements as s
    order by s.step, s.object, s.statement desc;
end;

comment on function zava.hardening() is
    'Statements that harden this database, in order, each with what it protects from. zava.harden() runs them.';
revoke execute on function zava.hardening() from public;

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

-- source: db/functions/security/retire_signing_key.sql
-- zava.retire_signing_key(): ends a context key at once: contexts signed with it show nothing.
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
-- It never raises and never explains: a forged context looks like none. The role is an argument
-- since current_user is the owner in here; the policy passes its own current_user. One query, for
-- every policy of every statement pays for it.
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
            and p.role_name = p_role
            and p.principal_id::text = v_part[3]
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

-- source: db/functions/security/visible_stores.sql
-- zava.visible_stores(): the stores of the caller; the fence of every tenant table asks it.
-- Empty, never null and never an error, when the context is not valid. Head office has no stores
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
-- Partitions are left out: their parent stands for them.
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
                    ': ' || split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1)
                ),
                e'\n'
                order by t.schema_name desc, t.table_name
            )
            from zava._readable_tables() as t
            left join pg_catalog.pg_constraint as k
                on k.conrelid = t.table_id and k.contype = 'p'
        ),
        'Functions:',
        (
            select string_agg(
                concat(f.signature, ': ', split_part(f.description, e'\n', 1)),
                e'\n'
                order by f.signature
            )
            from zava._callable_functions() as f
        ),
        'More about one of them: describe_schema with its name.'
    );
end;

comment on function zava._describe_all() is
    'All tables and functions that the caller may use, a line each.';
revoke execute on function zava._describe_all() from public;
grant execute on function zava._describe_all()
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_describe_columns.sql
-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint
-- lists the values of a column, so does its line.
create or replace function zava._describe_columns(
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
            quote_ident(a.attname),
            ' ',
            format_type(a.atttypid, a.atttypmod),
            case when not a.attnotnull then ' null' end,
            ' (' || v.list || ')',
            ': ' || col_description(a.attrelid, a.attnum)
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    left join lateral (
        select string_agg(replace(m.value[1], '''''', ''''), '|' order by m.position) as list
        from pg_catalog.pg_constraint as k
        cross join lateral pg_get_constraintdef(k.oid) as d (definition)
        cross join lateral regexp_matches(d.definition, '''((?:[^'']|'''')*)''', 'g')
            with ordinality as m (value, position)
        where k.conrelid = a.attrelid
            and k.contype = 'c'
            and k.conkey = array[a.attnum]
            -- PostgreSQL's own form of: column in ('a', 'b')
            and d.definition ~ '^CHECK \(\(\S+ = ANY \(ARRAY\[''[^\]]*\]\)\)\)$'
    ) as v on true
    where a.attrelid = p_table
        and a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select');
end;

comment on function zava._describe_columns(oid) is
    'Columns of a table: name, type, null where they may be, values where a check lists them, comment.

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

-- source: db/functions/schema/describe_schema.sql
-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select case
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
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
                where lower(btrim(p_name)) in
                    (t.table_name, t.schema_name || '.' || t.table_name)
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where lower(btrim(p_name)) in (f.function_name, 'api.' || f.function_name)
            ) as d (description)
        )
    end;
end;

comment on function api.describe_schema(text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values and comments. Null when nothing of that name may be read.

p_name: table or function, with or without its schema, for example orders or api.whoami';
revoke execute on function api.describe_schema(text) from public;
grant execute on function api.describe_schema(text)
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
    on conflict (store_key) do nothing;

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

-- source: db/policies/customers.sql
-- Row-level security of retail.customers: a store sees its own customers, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL
-- expects ten stores, and would leave the index.
alter table retail.customers enable row level security;
alter table retail.customers force row level security;

drop policy if exists customers_store_manager_select on retail.customers;
create policy customers_store_manager_select
    on retail.customers
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists customers_regional_manager_select on retail.customers;
create policy customers_regional_manager_select
    on retail.customers
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists customers_head_office_select on retail.customers;
create policy customers_head_office_select
    on retail.customers
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists customers_store_manager_fence on retail.customers;
create policy customers_store_manager_fence
    on retail.customers
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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

-- source: db/policies/inventory.sql
-- Row-level security of retail.inventory: a store sees its own prices, costs and stock, a region
-- those of its list, head office all. One permissive policy opens the table to each class; the
-- restrictive fence in front of it decides by the signed context. A second permissive policy added
-- by mistake still stands behind the fence. A store's fence is an equality: of "any" of an unknown
-- list PostgreSQL expects ten stores, and would leave the index.
alter table retail.inventory enable row level security;
alter table retail.inventory force row level security;

drop policy if exists inventory_store_manager_select on retail.inventory;
create policy inventory_store_manager_select
    on retail.inventory
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists inventory_regional_manager_select on retail.inventory;
create policy inventory_regional_manager_select
    on retail.inventory
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists inventory_head_office_select on retail.inventory;
create policy inventory_head_office_select
    on retail.inventory
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists inventory_store_manager_fence on retail.inventory;
create policy inventory_store_manager_fence
    on retail.inventory
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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
-- Row-level security of retail.order_items: a store sees its own order lines, a region those of its
-- list, head office all. One permissive policy opens the table to each class; the restrictive fence
-- in front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL
-- expects ten stores, and would leave the index.
alter table retail.order_items enable row level security;
alter table retail.order_items force row level security;

drop policy if exists order_items_store_manager_select on retail.order_items;
create policy order_items_store_manager_select
    on retail.order_items
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists order_items_regional_manager_select on retail.order_items;
create policy order_items_regional_manager_select
    on retail.order_items
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists order_items_head_office_select on retail.order_items;
create policy order_items_head_office_select
    on retail.order_items
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists order_items_store_manager_fence on retail.order_items;
create policy order_items_store_manager_fence
    on retail.order_items
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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
-- Row-level security of retail.orders: a store sees its own orders, a region those of its list,
-- head office all. One permissive policy opens the table to each class; the restrictive fence in
-- front of it decides by the signed context. A second permissive policy added by mistake still
-- stands behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL
-- expects ten stores, and would leave the index.
alter table retail.orders enable row level security;
alter table retail.orders force row level security;

drop policy if exists orders_store_manager_select on retail.orders;
create policy orders_store_manager_select
    on retail.orders
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists orders_regional_manager_select on retail.orders;
create policy orders_regional_manager_select
    on retail.orders
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists orders_head_office_select on retail.orders;
create policy orders_head_office_select
    on retail.orders
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists orders_store_manager_fence on retail.orders;
create policy orders_store_manager_fence
    on retail.orders
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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

-- source: db/policies/stock_movements.sql
-- Row-level security of retail.stock_movements: a store sees its own stock ledger, a region those
-- of its list, head office all. One permissive policy opens the table to each class; the
-- restrictive fence in front of it decides by the signed context. A second permissive policy added
-- by mistake still stands behind the fence. A store's fence is an equality: of "any" of an unknown
-- list PostgreSQL expects ten stores, and would leave the index.
alter table retail.stock_movements enable row level security;
alter table retail.stock_movements force row level security;

drop policy if exists stock_movements_store_manager_select on retail.stock_movements;
create policy stock_movements_store_manager_select
    on retail.stock_movements
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists stock_movements_regional_manager_select on retail.stock_movements;
create policy stock_movements_regional_manager_select
    on retail.stock_movements
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists stock_movements_head_office_select on retail.stock_movements;
create policy stock_movements_head_office_select
    on retail.stock_movements
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists stock_movements_store_manager_fence on retail.stock_movements;
create policy stock_movements_store_manager_fence
    on retail.stock_movements
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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
-- Row-level security of retail.stores: a store sees its own row, a region those of its list, head
-- office all. One permissive policy opens the table to each class; the restrictive fence in front
-- of it decides by the signed context. A second permissive policy added by mistake still stands
-- behind the fence. A store's fence is an equality: of "any" of an unknown list PostgreSQL expects
-- ten stores, and would leave the index.
alter table retail.stores enable row level security;
alter table retail.stores force row level security;

drop policy if exists stores_store_manager_select on retail.stores;
create policy stores_store_manager_select
    on retail.stores
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists stores_regional_manager_select on retail.stores;
create policy stores_regional_manager_select
    on retail.stores
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists stores_head_office_select on retail.stores;
create policy stores_head_office_select
    on retail.stores
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists stores_store_manager_fence on retail.stores;
create policy stores_store_manager_fence
    on retail.stores
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

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

-- Privileges of the database itself are its owner's to change, so not as zava_owner.
select zava.secure_database();
