-- error: Agents may create schemas in this database.
select
    d.datname as object,
    format('CREATE granted to %s', e.name) as evidence,
    format('revoke create on database %I from %s;', d.datname, e.name) as remedy
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
join enjoyed as e on e.oid = a.grantee
where d.datname = current_database() and a.privilege_type = 'CREATE' and a.grantee <> d.datdba
