-- warning: No index of a tenant table starts with the tenant key: every query reads all tenants.
select
    r.name as object,
    format('no valid index starts with %s', a.attname) as evidence,
    format('create index concurrently on %s (%s);', r.name, coalesce(v.expression, quote_ident(a.attname)))
        as remedy
from relations as r
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and not a.attisdropped
join tenant_key as t on t.name = a.attname
-- A virtual generated column has no index of its own; one on its expression serves.
left join lateral (
    select '(' || pg_get_expr(d.adbin, d.adrelid, true) || ')'
    from pg_catalog.pg_attrdef as d
    where d.adrelid = r.oid and d.adnum = a.attnum and a.attgenerated = 'v'
) as v (expression) on true
where r.relkind in ('r', 'p')
    and r.relrowsecurity
    and not exists (
        select from pg_catalog.pg_index as i
        where i.indrelid = r.oid
            and i.indisvalid
            and i.indpred is null
            and (
                i.indkey[0] = a.attnum
                or i.indkey[0] = 0
                and v.expression in (
                    pg_get_indexdef(i.indexrelid, 1, true),
                    '(' || pg_get_indexdef(i.indexrelid, 1, true) || ')'
                )
            )
    )
