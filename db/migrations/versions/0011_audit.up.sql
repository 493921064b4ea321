-- 0011 audit: the log of every call, caps by role, versions of access for the answer cache.
-- Run by the administrator.
set local lock_timeout = '3s';
set local role zava_owner;

-- The audit of reads. Nobody has a grant on it: appending is zava.append_audit().
create table zava.audit_log (
    number bigint not null,
    recorded_at timestamptz not null,
    called_at timestamptz not null,
    principal_id uuid not null,
    principal text not null,
    client text,
    key_id uuid,
    tool text not null,
    sql text,
    fingerprint text,
    arguments text,
    verdict text not null,
    code text,
    sqlstate text,
    row_count bigint,
    byte_count bigint,
    duration_us bigint not null,
    cached boolean not null,
    request_id text,
    trace_id text,
    source_id uuid not null,
    source_number bigint not null,
    hash bytea not null,
    constraint audit_log_pkey primary key (recorded_at, number),
    constraint audit_log_verdict_check
        check (verdict in ('answered', 'refused', 'failed', 'cancelled'))
) partition by range (recorded_at);
create index audit_log_principal_id_idx on zava.audit_log (principal_id, recorded_at);
comment on table zava.audit_log is
    'Every call of an AI client: who, what, how it ended. A chain: hash covers the record and the hash before it. One partition a month.';

create table zava.audit_head (
    chain_id uuid not null default gen_random_uuid(),
    number bigint not null default 0,
    hash bytea not null,
    recorded_at timestamptz not null default '-infinity',
    first_number bigint not null default 0,
    first_hash bytea not null,
    constraint audit_head_pkey primary key (chain_id)
);
create unique index audit_head_single_idx on zava.audit_head ((true));
comment on table zava.audit_head is
    'One row: the last link of the audit log, and the one before its first record (first_…), which retention moves on.';
insert into zava.audit_head (hash, first_hash)
select h.hash, h.hash
from (select sha256(uuid_send(gen_random_uuid())) as hash) as h;

create table zava.audit_sources (
    source_id uuid not null,
    number bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp(),
    constraint audit_sources_pkey primary key (source_id)
);
comment on table zava.audit_sources is
    'How far the journal of each server has arrived in the audit log.';

create table zava.access_changes (
    number bigint not null,
    constraint access_changes_pkey primary key (number)
);
comment on table zava.access_changes is
    'One row: counts the changes of identities and keys, so that an answer cache knows of them.';
insert into zava.access_changes (number) values (0);
alter table zava.access_changes enable row level security;

alter table zava.audit_log enable row level security;
alter table zava.audit_head enable row level security;
alter table zava.audit_sources enable row level security;

-- sources begin (written by scripts/freeze up to the end mark)

drop function zava.authenticate(bytea);

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
                -- Grants, policies, views, functions and memberships.
                (
                    select sum(hashtextextended(concat_ws('/', n.oid, n.xmin), 0))
                    from pg_catalog.pg_namespace as n
                    where n.nspname in ('retail', 'api', 'zava')
                ),
                (
                    select sum(hashtextextended(concat_ws('/', c.oid, c.xmin), 0))
                    from pg_catalog.pg_class as c
                    where c.relnamespace in (
                        select n.oid
                        from pg_catalog.pg_namespace as n
                        where n.nspname in ('retail', 'api', 'zava')
                    )
                        and c.relkind in ('r', 'p', 'v')
                        and not c.relispartition
                ),
                (
                    select sum(hashtextextended(concat_ws('/', a.attrelid, a.attnum, a.xmin), 0))
                    from pg_catalog.pg_attribute as a
                    join pg_catalog.pg_class as c on c.oid = a.attrelid
                    where c.relnamespace = 'retail'::regnamespace and a.attacl is not null
                ),
                (
                    select sum(hashtextextended(concat_ws('/', y.oid, y.xmin), 0))
                    from pg_catalog.pg_policy as y
                ),
                (
                    select sum(hashtextextended(concat_ws('/', f.oid, f.xmin), 0))
                    from pg_catalog.pg_proc as f
                    where f.pronamespace in ('api'::regnamespace, 'zava'::regnamespace)
                ),
                (
                    select sum(hashtextextended(concat_ws('/', m.oid, m.xmin), 0))
                    from pg_catalog.pg_auth_members as m
                    join pg_catalog.pg_roles as r on r.oid = m.member
                    where r.rolname = p.role_name
                )
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

-- source: db/functions/security/role_caps.sql
-- zava.role_caps(): caps that the administrator sets by "alter role … set zava.max_rows = '500'",
-- for a tenant role or, for all its roles, for a class. The tenant's own counts before its class's,
-- one for this database before one for all. The session of a tenant never reads them: they take
-- effect at login, and nobody logs in as a tenant.
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
    select distinct on (s.role_name, split_part(e.entry, '=', 1))
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
    order by s.role_name, split_part(e.entry, '=', 1), s.rank, d.setdatabase desc;
end;

comment on function zava.role_caps() is
    'Caps of tenant roles as the administrator has set them with ALTER ROLE … SET zava.…';
revoke execute on function zava.role_caps() from public;
grant execute on function zava.role_caps() to zava_service;

-- source: db/functions/analytics/refresh_daily_sales.sql
-- zava.refresh_daily_sales(): brings retail.daily_sales, daily_totals and daily_customers up to
-- date, store by store. Run by the administrator, from a timer; not a tool.
-- A day is stored when it has been over for an hour, so that sales of its last minutes are
-- committed. The row lock on the store makes this safe beside writers and beside itself: whoever
-- changes sales of stored days takes these days back in the same transaction,
--     update retail.stores set rolled_up_to = least(rolled_up_to, DAY - 1) where store_id = …
-- and one of the two waits for the other. Without that, a change is found when it is at most 31
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
            changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last)
                + zava._store_daily_customers(v_store.store_id, v_first, v_last);
            rolled_up_to := greatest(rolled_up_to, v_last);
            update retail.stores as s
            set rolled_up_to = refresh_daily_sales.rolled_up_to
            where s.store_id = v_store.store_id
                and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
        end if;
        return next;
    end loop;

    -- Servers forget the answers they keep.
    notify zava_data;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

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
create or replace function zava._audit_partition(
    p_moment timestamptz
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
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
as $function$
declare
    v_head zava.audit_head;
    v_record zava.audit_log;
    v_known bigint;
begin
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
-- and keeps the last link of what is gone, from which the chain goes on.
create or replace function zava.drop_audit_before(
    p_moment timestamptz
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
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

-- sources end
reset role;
