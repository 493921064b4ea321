-- warning: PUBLIC may connect: so every login of the server may, not only those of this product.
select
    d.datname as object,
    'CONNECT granted to PUBLIC' as evidence,
    -- In a copy of a database nobody else has it: the server itself would be shut out.
    case
        when to_regprocedure('zava.secure_database()') is not null
            then 'select zava.secure_database();'
        else format(
            'grant connect on database %1$I to %2$s; revoke connect on database %1$I from public;',
            d.datname,
            (
                select string_agg(format('%I', r.rolname), ', ')
                from given as g
                join pg_catalog.pg_roles as r on r.rolname in (g.gateway, g.service)
            )
        )
    end as remedy
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
where d.datname = current_database() and a.privilege_type = 'CONNECT' and a.grantee = 0
