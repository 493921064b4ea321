-- warning: Agents have no USAGE on a schema whose types are arguments of functions that they may call: these calls fail.
select
    n.nspname as object,
    format('%s functions, %s among them', count(distinct f.oid), max(f.name)) as evidence,
    format('grant usage on schema %I to %s;', n.nspname, string_agg(distinct g.name, ', ')) as remedy
from functions as f
join pg_catalog.pg_proc as p on p.oid = f.oid
cross join unnest(f.takes) as a (type)
join pg_catalog.pg_type as w on w.oid = a.type
join pg_catalog.pg_type as t on t.oid = case when w.typcategory = 'A' then w.typelem else w.oid end
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
cross join regexp_split_to_table(f.grantees, ', ') as g (name)
where f.is_usable
    and n.nspname <> 'pg_catalog'
    -- An enum or a domain is named by no call, unless it says which of several functions is meant.
    and (
        t.typtype not in ('d', 'e')
        or exists (
            select from pg_catalog.pg_proc as o
            where o.pronamespace = p.pronamespace and o.proname = p.proname and o.oid <> p.oid
        )
    )
    and exists (
        select from reachable as r
        where has_schema_privilege(r.oid, f.schema, 'USAGE')
            and has_function_privilege(r.oid, f.oid, 'EXECUTE')
            and not has_schema_privilege(r.oid, n.oid, 'USAGE')
    )
group by n.nspname
