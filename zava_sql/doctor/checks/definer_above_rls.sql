-- error: A function that policies call, or agents may execute, runs as a role above row-level security.
select
    f.name as object,
    format('SECURITY DEFINER of %s, which is above row-level security', r.rolname) as evidence,
    format('alter function %s owner to …;', f.name) as remedy
from functions as f
join pg_catalog.pg_roles as r on r.oid = f.proowner
where f.prosecdef
    and (r.rolsuper or r.rolbypassrls)
    and (f.grantees is not null or f.oid in (select a.oid from asked as a))
