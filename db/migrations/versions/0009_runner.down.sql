-- 0009 runner, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function zava.hardening();
drop function zava.harden(boolean);

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

drop function zava._create_runner();
drop function zava._class_role(text);

-- sources end
drop index zava.principals_principal_id_text_idx;
drop schema zava_run cascade;
revoke usage on schema retail, api from zava_runner;
reset role;

do $roles$
begin
    drop role zava_runner;
exception
    when dependent_objects_still_exist then
        raise notice 'role zava_runner stays: another database needs it';
end
$roles$;
