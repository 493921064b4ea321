-- warning: Agents may create temporary objects, which are found first in the usual search_path.
select
    d.datname as object,
    format('TEMPORARY granted to %s', e.name) as evidence,
    format('revoke temporary on database %I from %s;', d.datname, e.name) as remedy
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
join enjoyed as e on e.oid = a.grantee
where d.datname = current_database() and a.privilege_type = 'TEMPORARY' and a.grantee <> d.datdba
