-- error: A role that an agent can act as is a member of a predefined role that reads or controls the server.
select
    m.member::regrole::text as object,
    format('member of %s', r.rolname) as evidence,
    format('revoke %I from %s granted by %s;', r.rolname, m.member::regrole, m.grantor::regrole) as remedy
from pg_catalog.pg_auth_members as m
join pg_catalog.pg_roles as r on r.oid = m.roleid
where m.member in (select i.oid from inherited as i)
    and r.oid < 16384
    and r.rolname ~ '^pg_'
