-- error: Agents may read a view that reads with its owner's rights: policies see the owner, not the agent.
select
    r.name as object,
    format('readable by %s, owned by %s, not security_invoker', r.grantees, r.relowner::regrole) as evidence,
    format('alter view %s set (security_invoker = true);', r.name) as remedy
from readable as r
where r.relkind = 'v'
    and not exists (
        select from pg_catalog.pg_options_to_table(r.reloptions) as o
        where o.option_name = 'security_invoker' and o.option_value::boolean
    )
    and exists (
        select from pg_catalog.pg_rewrite as w
        join pg_catalog.pg_depend as d
            on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
        join relations as o on d.refclassid = 'pg_catalog.pg_class'::regclass and o.oid = d.refobjid
        where w.ev_class = r.oid and o.oid <> r.oid
        union all
        -- What PostgreSQL itself or an extension keeps from others; on PostgreSQL's own objects nothing is
        -- said to depend.
        select from pg_catalog.pg_rewrite as w
        cross join regexp_matches(w.ev_action::text, ':relid ([0-9]+)', 'g') as m (found)
        join pg_catalog.pg_class as o on o.oid = m.found[1]::oid
        where w.ev_class = r.oid
            and o.oid not in (select x.oid from relations as x)
            and not exists (
                select from aclexplode(o.relacl) as a
                where a.grantee = 0 and a.privilege_type = 'SELECT'
            )
    )
