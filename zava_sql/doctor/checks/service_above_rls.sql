-- error: The service login is above row-level security, or can act as a tenant.
select
    r.rolname as object,
    concat_ws(
        ', ',
        case when r.rolsuper then 'SUPERUSER' end,
        case when r.rolbypassrls then 'BYPASSRLS' end,
        (
            select 'member of ' || string_agg(m.roleid::regrole::text, ', ')
            from pg_catalog.pg_auth_members as m
            where m.member = r.oid and m.roleid in (select i.oid from inherited as i)
        )
    ) as evidence,
    concat_ws(
        ' ',
        format('alter role %I nosuperuser nobypassrls;', r.rolname),
        (
            select format('revoke %s from %I;', string_agg(m.roleid::regrole::text, ', '), r.rolname)
            from pg_catalog.pg_auth_members as m
            where m.member = r.oid and m.roleid in (select i.oid from inherited as i)
            having count(*) > 0
        )
    ) as remedy
from pg_catalog.pg_roles as r
join given as g on g.service = r.rolname
where g.service is distinct from g.gateway
    and (
        r.rolsuper
        or r.rolbypassrls
        or exists (
            select from pg_catalog.pg_auth_members as m
            where m.member = r.oid and m.roleid in (select i.oid from inherited as i)
        )
    )
