-- warning: Agents hold a privilege on a sequence, which counts the rows of all tenants.
select
    r.name as object,
    format('%s granted to %s', string_agg(distinct g.privilege_type, ', '), g.grantee_name) as evidence,
    format('revoke all on sequence %s from %s;', r.name, g.grantee_name) as remedy
from relation_grants as g
join relations as r on r.oid = g.relation
where r.relkind = 'S'
group by r.name, g.grantee_name
