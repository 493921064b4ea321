-- error: One tenant role has, or can become, another role that the gateway becomes.
select
    m.member::regrole::text as object,
    format(
        'member of %s with inherit %s, set %s',
        m.roleid::regrole, m.inherit_option::text, m.set_option::text
    ) as evidence,
    format('revoke %s from %s;', m.roleid::regrole, m.member::regrole) as remedy
from pg_catalog.pg_auth_members as m
where m.member in (select r.oid from reachable as r)
    and m.member not in (select g.oid from gateway as g)
    and (m.set_option or m.roleid in (select r.oid from reachable as r))
