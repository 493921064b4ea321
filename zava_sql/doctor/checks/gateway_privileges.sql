-- error: The gateway holds privileges of its own; whoever escapes to it should find nothing.
select
    o.name as object,
    format('%s granted to %s', o.privileges, g.rolname) as evidence,
    format('revoke all on %s %s from %I;', o.kind, o.name, g.rolname) as remedy
from gateway as g
join (
    select x.grantee, 'table' as kind, r.name, string_agg(x.privilege_type, ', ') as privileges
    from relation_grants as x
    join relations as r on r.oid = x.relation
    group by x.grantee, r.name
    union all
    select a.grantee, 'schema', quote_ident(s.nspname), string_agg(a.privilege_type, ', ')
    from schemas as s
    cross join aclexplode(s.nspacl) as a
    group by a.grantee, s.nspname
    union all
    select a.grantee, 'routine', f.name, string_agg(a.privilege_type, ', ')
    from functions as f
    join pg_catalog.pg_proc as p on p.oid = f.oid
    cross join aclexplode(p.proacl) as a
    group by a.grantee, f.name
) as o on o.grantee = g.oid
-- Where it cannot become another role it is the tenant itself.
where (select count(*) from reachable as r) > 1
