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
