-- 0089 hardening gives what is needed, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
    )
    select s.object, s.protects_from, s.statement, s.undo, s.done
    from steps as s
    order by s.step, s.object;
end;

comment on function zava.hardening() is
    'Objects that harden this database when PUBLIC loses them, in order: what that protects from, the statements that do and undo it, and whether it is done. zava.harden() runs them.';
revoke execute on function zava.hardening() from public;

-- sources end
reset role;
