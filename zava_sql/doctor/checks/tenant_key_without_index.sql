-- warning: No index of a tenant table starts with the tenant key: every query reads all tenants.
select
    r.name as object,
    format('no valid index starts with %s', a.attname) as evidence,
    format('create index concurrently on %s (%I);', r.name, a.attname) as remedy
from relations as r
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and not a.attisdropped
join tenant_key as t on t.name = a.attname
where r.relkind in ('r', 'p')
    and r.relrowsecurity
    and not exists (
        select from pg_catalog.pg_index as i
        where i.indrelid = r.oid and i.indisvalid and i.indkey[0] = a.attnum and i.indpred is null
    )
