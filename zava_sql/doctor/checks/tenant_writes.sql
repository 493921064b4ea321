-- error: Agents hold a privilege on a table besides SELECT; row-level security does not apply to TRUNCATE.
select
    r.name as object,
    format('%s granted to %s', string_agg(distinct g.privilege_type, ', '), g.grantee_name) as evidence,
    format(
        'revoke %s on %s from %s;',
        string_agg(distinct lower(g.privilege_type collate "C"), ', '), r.name, g.grantee_name
    ) as remedy
from relation_grants as g
join relations as r on r.oid = g.relation
where r.relkind <> 'S' and g.privilege_type <> 'SELECT'
group by r.name, g.grantee_name
