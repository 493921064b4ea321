-- warning: A policy asks about the caller and not about the row, and no fence closes the table: whom it lets in sees the rows of all tenants.
select
    p.name as object,
    format('for %s, using (%s)', o.names, p.using_text) as evidence,
    format('alter policy %s using (…);  -- the tenant key, or a fence for it', p.name) as remedy
from policies as p
cross join lateral (
    select string_agg(distinct e.name, ', ') as names
    from unnest(p.polroles) as u (role)
    -- A policy for PUBLIC opens to everybody whom a grant lets read.
    join enjoyed as e on e.oid = u.role or u.role = 0 and e.oid in (
        select g.grantee
        from relation_grants as g
        where g.relation = p.polrelid and g.privilege_type = 'SELECT'
    )
    where not exists (
        select from policies as f
        cross join unnest(f.polroles) as v (role)
        where f.polrelid = p.polrelid
            and not f.polpermissive
            and f.polcmd in ('r', '*')
            and not f.is_blind
            and (v.role = 0 or e.oid <> 0 and pg_has_role(e.oid, v.role, 'USAGE'))
    )
) as o
where p.polpermissive
    and p.polcmd in ('r', '*')
    and o.names is not null
    and not p.is_blind
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = p.polrelid
            and d.refobjsubid > 0
    )
    -- Who may see all is for a function to say, such as one that knows head office.
    and not (
        p.using_text ~ '^(\( SELECT )?["\w.]+\(.*\)( AS ["\w]+\))?$'
        and exists (select from asked as a where a.policy = p.oid)
    )
    and p.polrelid in (select r.oid from readable as r)
