-- error: A role that an agent can act as owns an object, and so may change it and its policies.
select
    o.name as object,
    format('owned by %s', o.owner::regrole) as evidence,
    format('alter %s %s owner to …;', o.kind, o.name) as remedy
from (
    select 'database' as kind, quote_ident(d.datname) as name, d.datdba as owner
    from pg_catalog.pg_database as d
    where d.datname = current_database() and d.datdba in (select i.oid from inherited as i)
    union all
    select 'schema', quote_ident(s.nspname), s.nspowner
    from schemas as s
    where s.nspowner in (select i.oid from inherited as i)
    union all
    select
        case r.relkind
            when 'v' then 'view'
            when 'm' then 'materialized view'
            when 'f' then 'foreign table'
            when 'S' then 'sequence'
            else 'table'
        end,
        r.name,
        r.relowner
    from relations as r
    where r.relowner in (select i.oid from inherited as i)
    union all
    -- The functions of the runner belong to class roles, which nobody can become.
    select 'routine', f.name, f.proowner
    from functions as f
    join schemas as s on s.oid = f.schema
    where f.proowner in (select i.oid from inherited as i)
        and (s.nspname <> 'zava_run' or f.proowner in (select x.oid from reachable as x))
) as o
