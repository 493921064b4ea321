-- error: Agents hold a privilege on an object of PostgreSQL's own that is not granted to everybody by default.
with shipped as (
    select
        'pg_catalog.pg_class'::regclass as class,
        c.oid,
        c.oid::regclass::text as name,
        'table' as kind,
        a.grantee,
        a.privilege_type,
        coalesce(t.acl, acldefault('r', c.relowner)) as given
    from pg_catalog.pg_class as c
    -- What initdb gave, where that is not the default.
    left join lateral (
        select i.initprivs as acl
        from pg_catalog.pg_init_privs as i
        where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0
    ) as t on true
    cross join lateral (
        select x.grantee, x.privilege_type
        from aclexplode(c.relacl) as x
        union
        select x.grantee, x.privilege_type
        from pg_catalog.pg_attribute as l
        cross join aclexplode(l.attacl) as x
        where l.attrelid = c.oid
            and not exists (
                select from pg_catalog.pg_init_privs as i
                where i.classoid = 'pg_catalog.pg_class'::regclass
                    and i.objoid = c.oid
                    and i.objsubid = l.attnum
                    and x.grantee in (select y.grantee from aclexplode(i.initprivs) as y)
            )
    ) as a
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v')
    union all
    select
        'pg_catalog.pg_proc'::regclass,
        p.oid,
        p.oid::regprocedure::text,
        'routine',
        x.grantee,
        x.privilege_type,
        coalesce(i.initprivs, acldefault('f', p.proowner))
    from pg_catalog.pg_proc as p
    cross join aclexplode(p.proacl) as x
    left join pg_catalog.pg_init_privs as i
        on i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0
    where p.pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384
),
granted as (
    select
        s.*,
        bool_or(s.grantee = 0) over (partition by s.class, s.oid, s.privilege_type) as is_everybodys
    from shipped as s
)
select
    s.name as object,
    format('%s granted to %s', string_agg(distinct s.privilege_type, ', '), e.name) as evidence,
    format('revoke all on %s %s from %s;  -- by a superuser', s.kind, s.name, e.name) as remedy
from granted as s
join enjoyed as e on e.oid = s.grantee
where (s.grantee = 0 or s.grantee >= 16384)
    -- What everybody had, and what hardening left to nobody but whom it names.
    and not exists (
        select from aclexplode(s.given) as g
        where g.grantee = 0
            and g.privilege_type = s.privilege_type
            and (s.grantee = 0 or s.kind = 'routine' and s.is_everybodys)
    )
    and not (
        s.grantee in (select g.oid from gateway as g)
        and s.name ~ '^(pg_catalog\.)?pg_(advisory_unlock_all|last_(wal_receive_lsn|wal_replay_lsn|xact_replay_timestamp))\('
    )
group by s.kind, s.name, e.name
