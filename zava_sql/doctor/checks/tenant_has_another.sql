-- error: A tenant role is, or can become, another role that the gateway becomes.
select
    m.member::regrole::text as object,
    format(
        'member of %s with inherit %s, set %s',
        m.roleid::regrole, m.inherit_option::text, m.set_option::text
    ) as evidence,
    format(
        'revoke %s from %s granted by %s;',
        m.roleid::regrole, x.member::regrole, x.grantor::regrole
    ) as remedy
from pg_catalog.pg_auth_members as m
-- What several tenants have is their class, and not theirs to lose: the gateway became it.
cross join lateral (
    select count(*) > 1 as is_class
    from pg_catalog.pg_auth_members as o
    where o.roleid = m.roleid
        and o.inherit_option
        and o.member in (select r.oid from reachable as r)
        and o.member not in (select g.oid from gateway as g)
) as c
join pg_catalog.pg_auth_members as x
    on x.roleid = m.roleid
    and case
        when c.is_class and m.roleid in (
            select y.roleid
            from pg_catalog.pg_auth_members as y
            where y.member in (select g.oid from gateway as g) and y.set_option
        ) then x.member in (select g.oid from gateway as g)
        else x.oid = m.oid
    end
where m.member in (select r.oid from reachable as r)
    and m.member not in (select g.oid from gateway as g)
    and (m.set_option or m.roleid in (select r.oid from reachable as r))
