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
