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
