-- error: Agents may execute a function in an untrusted language, which can do whatever the server can.
select
    f.name as object,
    format('language %s, executable by %s', l.lanname, f.grantees) as evidence,
    format('revoke execute on routine %s from %s;', f.name, f.grantees) as remedy
from functions as f
join pg_catalog.pg_language as l on l.oid = f.prolang
where not l.lanpltrusted
    and l.lanname <> 'sql'
    and f.prokind <> 'a'  -- made of other functions, and of no language
    and f.grantees is not null
