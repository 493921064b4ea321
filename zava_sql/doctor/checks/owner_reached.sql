-- error: A login that runs the text of agents, or authenticates them, is a member of the owner of the tables.
select
    m.member::regrole::text as object,
    format('member of %s, which owns tables', m.roleid::regrole) as evidence,
    format(
        'revoke %s from %s granted by %s;', m.roleid::regrole, m.member::regrole, m.grantor::regrole
    ) as remedy
from pg_catalog.pg_auth_members as m
join given as g on m.member::regrole::text in (quote_ident(g.gateway), quote_ident(g.service))
where m.roleid in (select r.relowner from relations as r where r.relrowsecurity)
    and m.member::regrole::text is distinct from quote_ident(g.admin)
