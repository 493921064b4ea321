-- error: The gateway inherits from a role: it has those privileges without becoming that role.
select
    m.roleid::regrole::text as object,
    format('granted to %s with inherit true', g.rolname) as evidence,
    format(
        'grant %s to %I with inherit false, set %s granted by %s;',
        m.roleid::regrole, g.rolname, m.set_option::text, m.grantor::regrole
    ) as remedy
from gateway as g
join pg_catalog.pg_auth_members as m on m.member = g.oid
where m.inherit_option
