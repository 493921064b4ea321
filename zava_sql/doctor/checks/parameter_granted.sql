-- warning: Agents may set a parameter that only superusers may set by default.
select
    p.parname as object,
    format('%s granted to %s', string_agg(a.privilege_type, ', '), e.name) as evidence,
    format('revoke all on parameter %s from %s;', p.parname, e.name) as remedy
from pg_catalog.pg_parameter_acl as p
cross join aclexplode(p.paracl) as a
join enjoyed as e on e.oid = a.grantee
group by p.parname, e.name
