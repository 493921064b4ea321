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
