-- error: Agents may read a materialized view, which cannot have row-level security.
select
    r.name as object,
    format('readable by %s', r.grantees) as evidence,
    format('revoke select on %s from %s;', r.name, r.grantees) as remedy
from readable as r
where r.relkind = 'm'
