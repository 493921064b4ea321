-- error: Agents may create objects in a schema, and so have theirs found before others in a search_path.
select
    s.nspname as object,
    format('CREATE granted to %s', e.name) as evidence,
    format('revoke create on schema %I from %s;', s.nspname, e.name) as remedy
from schemas as s
cross join aclexplode(coalesce(s.nspacl, acldefault('n', s.nspowner))) as a
join enjoyed as e on e.oid = a.grantee
where a.privilege_type = 'CREATE' and a.grantee <> s.nspowner
