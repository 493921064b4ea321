-- error: A tenant role is a member of several class roles, and so has the rows of each.
select
    m.member::regrole::text as object,
    'member of ' || string_agg(m.roleid::regrole::text, ', ' order by m.roleid) as evidence,
    string_agg(
        format(
            'revoke %s from %s granted by %s;',
            m.roleid::regrole, m.member::regrole, m.grantor::regrole
        ), ' ' order by m.roleid
    ) || '  -- keep one' as remedy
from pg_catalog.pg_auth_members as m
where m.member in (select r.oid from reachable as r)
    and m.member not in (select g.oid from gateway as g)
    and m.inherit_option
    and exists (
        select from policies as p where p.polpermissive and m.roleid = any (p.polroles)
    )
group by m.member
having count(distinct m.roleid) > 1
