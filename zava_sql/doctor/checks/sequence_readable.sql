-- warning: Agents read a sequence, which counts the rows of all tenants.
select
    r.name as object,
    format('readable by %s', r.grantees) as evidence,
    format('revoke all on sequence %s from %s;', r.name, r.grantees) as remedy
from readable as r
where r.relkind = 'S'
