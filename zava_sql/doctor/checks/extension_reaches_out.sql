-- error: Agents may execute functions of an extension that reads files, opens connections or runs text.
select
    e.extname as object,
    format('%s executable by %s', p.oid::regprocedure, string_agg(distinct y.name, ', ')) as evidence,
    format(
        'revoke execute on routine %s from %s;',
        p.oid::regprocedure, string_agg(distinct y.name, ', ')
    ) as remedy
from pg_catalog.pg_extension as e
join pg_catalog.pg_depend as d
    on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
join pg_catalog.pg_proc as p on d.classid = 'pg_catalog.pg_proc'::regclass and p.oid = d.objid
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
join enjoyed as y on y.oid = a.grantee
where e.extname in (
        'dblink', 'adminpack', 'pageinspect', 'pg_buffercache', 'pgrowlocks', 'lo', 'tablefunc',
        'xml2', 'http', 'plsh'
    )
    and a.grantee <> p.proowner
group by e.extname, p.oid
