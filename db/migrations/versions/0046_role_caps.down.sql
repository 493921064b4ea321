-- 0046 role caps, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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

-- sources end
reset role;
