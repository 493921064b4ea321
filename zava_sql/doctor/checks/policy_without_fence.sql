-- error: A policy opens the same rows to every agent, and no restrictive policy closes them again.
select
    p.name as object,
    format('for %s, using (%s)', o.name, p.using_text) as evidence,
    p.undo as remedy
from policies as p
cross join unnest(p.polroles) as u (role)
-- A policy for PUBLIC opens to everybody whom a grant lets read.
join enjoyed as o on o.oid = u.role or u.role = 0 and o.oid in (
    select g.grantee
    from relation_grants as g
    where g.relation = p.polrelid and g.privilege_type = 'SELECT'
)
where p.polpermissive
    and p.polcmd in ('r', '*')
    and p.is_blind
    and (
        p.using_text in ('true', '(1 = 1)')
        or exists (
            select from pg_catalog.pg_attribute as a
            join tenant_key as t on t.name = a.attname
            where a.attrelid = p.polrelid and not a.attisdropped
        )
    )
    and p.polrelid in (select r.oid from readable as r)
    and not exists (
        select from policies as f
        cross join unnest(f.polroles) as v (role)
        where f.polrelid = p.polrelid
            and not f.polpermissive
            and f.polcmd in ('r', '*')
            and not f.is_blind
            -- What asks for no column shows all rows or none: that is for a function to say, such as one
            -- that knows head office.
            and (
                f.using_text ~ '^(\( SELECT )?["\w.]+\(.*\)( AS ["\w]+\))?$'
                or exists (
                    select from pg_catalog.pg_depend as d
                    where d.classid = 'pg_catalog.pg_policy'::regclass
                        and d.objid = f.oid
                        and d.refclassid = 'pg_catalog.pg_class'::regclass
                        and d.refobjid = f.polrelid
                        and d.refobjsubid > 0
                )
            )
            and (v.role = 0 or o.oid <> 0 and pg_has_role(o.oid, v.role, 'USAGE'))
    )
