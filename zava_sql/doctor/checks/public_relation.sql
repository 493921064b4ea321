-- error: PUBLIC holds a privilege on a table or view.
select
    r.name as object,
    string_agg(distinct g.privilege_type, ', ') || ' granted to PUBLIC' as evidence,
    format('revoke all on %s from public;', r.name) as remedy
from relation_grants as g
join relations as r on r.oid = g.relation
where g.grantee = 0
group by r.name
