-- error: Row-level security is not forced: views and functions of the table's owner see every row.
select
    r.name as object,
    format('pg_class.relforcerowsecurity is false; owned by %s', r.relowner::regrole) as evidence,
    format('alter table %s force row level security;', r.name) as remedy
from relations as r
where r.relkind in ('r', 'p')
    and r.relrowsecurity
    and not r.relforcerowsecurity
    -- Without a policy it is closed to all but its owner, as the kernel's tables are.
    and exists (select from policies as p where p.polrelid = r.oid)
