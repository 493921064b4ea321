-- warning: Agents may read pg_stat_statements: texts and counts of what others have run.
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('SELECT granted to %s', string_agg(distinct e.name, ', ')) as evidence,
    format(
        'revoke select on %I.%I from %s;',
        n.nspname, c.relname, string_agg(distinct e.name, ', ')
    ) as remedy
from pg_catalog.pg_class as c
join schemas as n on n.oid = c.relnamespace and n.is_usable
cross join aclexplode(c.relacl) as a
join enjoyed as e on e.oid = a.grantee
where c.relname in ('pg_stat_statements', 'pg_stat_statements_info')
    and a.privilege_type = 'SELECT'
    and a.grantee <> c.relowner
group by n.nspname, c.relname
union all
-- The views ask these with the rights of whoever reads them, and so may anybody.
select
    p.oid::regprocedure::text,
    format('EXECUTE granted to %s', string_agg(distinct e.name, ', ')),
    format(
        'revoke execute on function %s from %s; grant execute on function %1$s to pg_monitor;',
        p.oid::regprocedure, string_agg(distinct e.name, ', ')
    )
from pg_catalog.pg_proc as p
join schemas as n on n.oid = p.pronamespace and n.is_usable
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
join enjoyed as e on e.oid = a.grantee
where p.proname in ('pg_stat_statements', 'pg_stat_statements_info')
    and a.grantee <> p.proowner
group by p.oid
