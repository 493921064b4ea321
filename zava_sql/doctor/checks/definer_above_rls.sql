-- error: A function of the kernel, or one that agents may execute, runs as a role that row-level security does not bind.
select
    f.name as object,
    format('SECURITY DEFINER of %s, which is above row-level security', r.rolname) as evidence,
    format('alter routine %s owner to …;', f.name) as remedy
from functions as f
join pg_catalog.pg_roles as r on r.oid = f.proowner
where f.prosecdef
    and (r.rolsuper or r.rolbypassrls)
    -- The kernel is where the functions are that policies call, and what those call in turn.
    and (
        f.grantees is not null and f.returns <> 'event_trigger'::regtype
        or f.schema in (select a.schema from asked as a)
    )
