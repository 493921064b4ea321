-- warning: Agents have USAGE on the schema of the functions that policies call.
select
    s.nspname as object,
    format('USAGE granted to %s', e.name) as evidence,
    format('revoke usage on schema %I from %s;', s.nspname, e.name) as remedy
from schemas as s
cross join aclexplode(coalesce(s.nspacl, acldefault('n', s.nspowner))) as a
join enjoyed as e on e.oid = a.grantee
where a.privilege_type = 'USAGE'
    and a.grantee <> s.nspowner
    and s.oid in (select f.schema from asked as f)
