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
