-- error: The gateway is a superuser: row-level security does not bind it.
select
    g.rolname as object,
    'pg_roles.rolsuper is true' as evidence,
    format('alter role %I nosuperuser;', g.rolname) as remedy
from gateway as g
where g.rolsuper
