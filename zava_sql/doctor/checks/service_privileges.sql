-- warning: The login of the service holds a table or a role: it needs the functions of the kernel alone.
select
    o.object,
    o.evidence,
    o.remedy
from given as g
join pg_catalog.pg_roles as s on s.rolname = g.service
cross join lateral (
    select
        r.name as object,
        format('%s granted to %s', string_agg(distinct a.privilege_type, ', '), s.rolname) as evidence,
        format('revoke all on table %s from %I;', r.name, s.rolname) as remedy
    from relations as r
    cross join aclexplode(r.relacl) as a
    where a.grantee = s.oid
        -- By which it knows that database and package fit.
        and not (r.name = 'public.alembic_version' and a.privilege_type = 'SELECT')
    group by r.name
    union all
    select
        s.rolname,
        format('member of %s', m.roleid::regrole),
        format(
            'revoke %s from %I granted by %s;', m.roleid::regrole, s.rolname, m.grantor::regrole
        )
    from pg_catalog.pg_auth_members as m
    where m.member = s.oid
        and m.roleid::regrole::text <> 'zava_service'
        -- Of a tenant's role there is a check of level error.
        and m.roleid not in (select i.oid from inherited as i)
) as o
where to_regclass('zava.principals') is not null and g.service is distinct from g.gateway
