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
