-- warning: A table has a fence for some classes of agents and none for another that may read it: what this one sees depends on the opening policies alone.
select
    p.name as object,
    format('for %s, using (%s); fenced: %s', o.name, p.using_text, s.names) as evidence,
    format('create policy … on %s as restrictive for all to %s using (…);', r.name, o.name) as remedy
from policies as p
join readable as r on r.oid = p.polrelid
cross join unnest(p.polroles) as u (role)
join enjoyed as o on o.oid = u.role
cross join lateral (
    select
        string_agg(f.name, ', ' order by f.name) as names,
        coalesce(bool_or(v.role = 0 or pg_has_role(o.oid, v.role, 'USAGE')), false) as is_fenced
    from policies as f
    cross join unnest(f.polroles) as v (role)
    where f.polrelid = p.polrelid
        and not f.polpermissive
        and f.polcmd in ('r', '*')
        and not f.is_blind
        and (v.role = 0 or v.role in (select e.oid from enjoyed as e))
) as s
where p.polpermissive
    and p.polcmd in ('r', '*')
    -- What opens all rows is for policy_without_fence.
    and not p.is_blind
    and o.oid <> 0
    and s.names is not null
    and not s.is_fenced
    -- Who may see all is for a function to say, such as one that knows head office.
    and not (
        p.using_text ~ '^(\( SELECT )?["\w.]+\(.*\)( AS ["\w]+\))?$'
        and exists (select from asked as a where a.policy = p.oid)
    )
