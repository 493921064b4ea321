-- error: A role that an agent can act as may grant a role to others, or to itself.
select
    m.roleid::regrole::text as object,
    format('granted to %s by %s with admin option', m.member::regrole, m.grantor::regrole) as evidence,
    format(
        'revoke admin option for %s from %s granted by %s;',
        m.roleid::regrole, m.member::regrole, m.grantor::regrole
    ) as remedy
from pg_catalog.pg_auth_members as m
where m.admin_option and m.member in (select i.oid from inherited as i)
