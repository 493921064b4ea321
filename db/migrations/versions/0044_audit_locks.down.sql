-- 0044 audit locks, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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

-- sources end
reset role;
