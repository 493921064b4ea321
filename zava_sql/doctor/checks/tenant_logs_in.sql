-- warning: A role that the gateway becomes can log in itself, bypassing this server.
select
    r.rolname as object,
    'pg_roles.rolcanlogin is true' as evidence,
    format('alter role %I nologin;', r.rolname) as remedy
from pg_catalog.pg_roles as r
join reachable as x on x.oid = r.oid
where r.rolcanlogin and r.oid not in (select g.oid from gateway as g)
