-- error: Agents may read a table of tenants that has no row-level security.
select
    r.name as object,
    format(
        'readable by %s; %s',
        r.grantees,
        case
            when q.is_there then 'has policies, which are not asked'
            when k.name is not null then format('has the tenant key %s', k.name)
            when l.name is not null then format('has %s, which only tables with row-level security tell apart', l.name)
            when f.name is not null then format('refers to %s', f.name)
            when h.name is not null then format('shows the rows of %s, which inherits from it, past its policies', h.name)
            else 'no table of this database has a policy'
        end
    ) as evidence,
    format(
        'alter table %1$s enable row level security; alter table %1$s force row level security;', r.name
    ) as remedy
from readable as r
cross join lateral (
    select exists (select from policies as p where p.polrelid = r.oid) as is_there
) as q
cross join lateral (
    select min(a.attname) as name
    from pg_catalog.pg_attribute as a
    join tenant_key as t on t.name = a.attname
    where a.attrelid = r.oid and not a.attisdropped
) as k
left join lateral (
    select o.name
    from pg_catalog.pg_constraint as c
    join relations as o on o.oid = c.confrelid and o.relrowsecurity
    where c.conrelid = r.oid and c.contype = 'f'
    order by o.name
    limit 1
) as f on true
-- As a copy has it of which somebody left the tenant key out.
left join lateral (
    select a.attname as name
    from pg_catalog.pg_attribute as a
    where a.attrelid = r.oid
        and a.attnum > 0
        and not a.attisdropped
        and exists (
            select from keys as y
            where y.name = a.attname and y.is_secured and y.type = a.atttypid and y.is_long
        )
        and not exists (select from keys as y where y.name = a.attname and not y.is_secured)
    order by a.attnum
    limit 1
) as l on true
-- Who reads a table reads what inherits from it, and only the policies of the first are asked.
left join lateral (
    with recursive heirs (oid) as (
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = r.oid
        union
        select i.inhrelid
        from heirs as x
        join pg_catalog.pg_inherits as i on i.inhparent = x.oid
    )
    select o.name
    from heirs as x
    join relations as o on o.oid = x.oid and o.relrowsecurity
    order by o.name
    limit 1
) as h on true
where r.relkind in ('r', 'p')
    and not r.relrowsecurity
    and (
        q.is_there
        or k.name is not null
        or l.name is not null
        or f.name is not null
        or h.name is not null
        or not exists (select from policies as p)
    )
