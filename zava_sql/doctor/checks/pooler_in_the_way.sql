-- error: A pooler stands before PostgreSQL: contexts name the backend, so no query would see a row.
-- over: gateway
select
    current_user::text as object,
    format('connected to pid %s, answered by pid %s', g.pid, pg_catalog.pg_backend_pid()) as evidence,
    'Set ZAVA_POOLER=transaction, or let ZAVA_DATABASE_URL lead to PostgreSQL itself.' as remedy
from given as g
where g.pid <> pg_catalog.pg_backend_pid()
