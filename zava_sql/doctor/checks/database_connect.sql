-- warning: PUBLIC may connect: every login of the server may, not only those of this product.
select
    d.datname as object,
    'CONNECT granted to PUBLIC' as evidence,
    format('revoke connect on database %I from public;', d.datname) as remedy
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
where d.datname = current_database() and a.privilege_type = 'CONNECT' and a.grantee = 0
