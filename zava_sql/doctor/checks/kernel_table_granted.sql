-- error: Agents hold a privilege on a table in the schema of the functions that policies call.
select
    r.name as object,
    format('%s granted to %s', string_agg(distinct g.privilege_type, ', '), g.grantee_name) as evidence,
    format('revoke all on %s from %s;', r.name, g.grantee_name) as remedy
from relation_grants as g
join relations as r on r.oid = g.relation
-- A schema that agents may name holds what they are to read as well.
where not r.is_usable
    and r.schema in (select f.schema from asked as f)
    -- A table that has policies for whom it is granted to is one of tenants, beside a function of its own.
    and not exists (
        select from policies as p
        cross join unnest(p.polroles) as u (role)
        where p.polrelid = r.oid
            and r.relrowsecurity
            and p.polpermissive
            and g.grantee <> 0
            and (u.role = 0 or pg_has_role(g.grantee, u.role, 'USAGE'))
    )
group by r.name, g.grantee_name
