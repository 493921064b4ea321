-- warning: Agents may execute functions of an extension that tell the sizes of whole tables, or leave something behind.
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
where (
        e.extname = 'pg_prewarm'
        -- Before PostgreSQL 18 it sets what no ROLLBACK ends: whoever comes next finds it so.
        or e.extname = 'isn' and p.proname = 'isn_weak' and p.pronargs = 1
        and current_setting('server_version_num')::integer < 180000
    )
    and a.grantee <> p.proowner
group by e.extname, p.oid
