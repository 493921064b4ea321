-- error: The gateway has BYPASSRLS: row-level security does not bind it.
select
    g.rolname as object,
    'pg_roles.rolbypassrls is true' as evidence,
    format('alter role %I nobypassrls;', g.rolname) as remedy
from gateway as g
where g.rolbypassrls
