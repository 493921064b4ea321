-- error: The service login is not bound by row-level security, or can act as a tenant.
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
        case
            when r.rolsuper or r.rolbypassrls
                then format('alter role %I nosuperuser nobypassrls;', r.rolname)
        end,
        (
            select string_agg(
                format(
                    'revoke %s from %I granted by %s;',
                    m.roleid::regrole, r.rolname, m.grantor::regrole
                ), ' '
            )
            from pg_catalog.pg_auth_members as m
            where m.member = r.oid and m.roleid in (select i.oid from inherited as i)
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
