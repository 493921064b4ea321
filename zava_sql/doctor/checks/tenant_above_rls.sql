-- error: A role that an agent can act as, or inherits from, is not bound by row-level security.
select
    r.rolname as object,
    concat_ws(
        ', ',
        case when r.rolsuper then 'SUPERUSER' end,
        case when r.rolbypassrls then 'BYPASSRLS' end,
        case when r.rolcreaterole then 'CREATEROLE' end,
        case when r.rolreplication then 'REPLICATION' end
    ) as evidence,
    format('alter role %I nosuperuser nobypassrls nocreaterole noreplication;', r.rolname) as remedy
from pg_catalog.pg_roles as r
join inherited as i on i.oid = r.oid
where r.oid not in (select g.oid from gateway as g)
    and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication)
