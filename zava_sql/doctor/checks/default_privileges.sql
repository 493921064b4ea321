-- warning: Objects created in future will be open to agents from the start.
select
    d.defaclrole::regrole::text as object,
    format(
        'default %s on new %s to %s',
        a.privilege_type,
        t.objects,
        e.name
    ) as evidence,
    format(
        'alter default privileges for role %s %srevoke all on %s from %s;',
        d.defaclrole::regrole,
        'in schema ' || quote_ident(n.nspname) || ' ',
        t.objects,
        e.name
    ) as remedy
from pg_catalog.pg_default_acl as d
left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
cross join lateral (
    select
        case d.defaclobjtype
            when 'r' then 'tables'
            when 'S' then 'sequences'
            when 'f' then 'functions'
            when 'n' then 'schemas'
            when 'L' then 'large objects'
            else 'types'
        end as objects
) as t
cross join aclexplode(d.defaclacl) as a
join enjoyed as e on e.oid = a.grantee
where a.grantee <> d.defaclrole
    and d.defaclobjtype <> 'T'
    -- That PUBLIC may execute new functions is PostgreSQL's own default.
    and not (a.grantee = 0 and d.defaclobjtype = 'f' and d.defaclnamespace = 0)
