-- warning: An approximate index covers rows of several tenants: how many own rows it gives tells what the others have.
select
    c.oid::regclass::text as object,
    format('%s over %s, %s', a.amname, r.name, coalesce('where ' || p.condition, 'all of its rows'))
        as evidence,
    format('drop index %s;', c.oid::regclass) as remedy
from relations as r
join pg_catalog.pg_index as i on i.indrelid = r.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid and not c.relispartition
join pg_catalog.pg_am as a on a.oid = c.relam and a.amname in ('hnsw', 'ivfflat')
cross join lateral (select pg_catalog.pg_get_expr(i.indpred, i.indrelid)) as p (condition)
where r.oid in (
    -- Who reads a table reads what inherits from it, its partitions among them, behind the table's own fence.
    with recursive read (oid) as (
        select t.oid from readable as t where t.relrowsecurity
        union
        select h.inhrelid
        from read as x
        join pg_catalog.pg_inherits as h on h.inhparent = x.oid
    )
    select x.oid from read as x
)
    -- Rows of one tenant alone are no risk: its key is a constant, and whatever else is asked narrows them.
    and not exists (
        select from tenant_key as t
        where p.condition ~ format($$(^\(?| AND )\(%I = (-?\d+|'[^']*'(::[\w ]+)?)\)($|\)$| AND )$$, t.name)
            and p.condition !~ '\m(OR|NOT|CASE)\M'
    )
    -- Nor is one that search makes for a region: its expression is of a function that no store may execute.
    and pg_catalog.pg_get_indexdef(i.indexrelid) !~ '\mzava\._region_vector\('
