-- error: A fence, or a policy without one, is a bare equality: PostgreSQL may put the caller's expressions in its place, and evaluate them on rows that it hides.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (… = any (array[…]))', p.name) as remedy
from policies as p
-- What stands beside true is never evaluated.
cross join lateral regexp_replace(p.using_text, '\(true OR \(\w+ = [^=]+\)\)', 'true') as u (text)
cross join lateral (
    select array_agg(d.refobjsubid) as numbers
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.objid = p.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid = p.polrelid
        and d.refobjsubid > 0
) as c
where (
        not p.polpermissive
        -- A policy that opens the table is evaluated after a fence of the same columns.
        or p.polcmd in ('r', '*')
        and exists (
            select from unnest(p.polroles) as r (role)
            join enjoyed as o on o.oid = r.role or r.role = 0 and o.oid in (
                select g.grantee
                from relation_grants as g
                where g.relation = p.polrelid and g.privilege_type = 'SELECT'
            )
            where not exists (
                select from policies as f
                cross join unnest(f.polroles) as v (role)
                where f.polrelid = p.polrelid
                    and not f.polpermissive
                    and f.polcmd in ('r', '*')
                    and not f.is_blind
                    and (v.role = 0 or o.oid <> 0 and pg_has_role(o.oid, v.role, 'USAGE'))
                    and exists (
                        select from pg_catalog.pg_depend as d
                        where d.classid = 'pg_catalog.pg_policy'::regclass
                            and d.objid = f.oid
                            and d.refclassid = 'pg_catalog.pg_class'::regclass
                            and d.refobjid = f.polrelid
                            and d.refobjsubid > 0
                        having array_agg(d.refobjsubid) @> c.numbers
                            or array_agg(d.refobjsubid) <@ c.numbers
                    )
            )
        )
    )
    -- But for db/policies, which have what is asked before it.
    and u.text !~ '^\(\(\s*CASE\s+WHEN \((\w+) = (\( SELECT \(zava\.visible_stores\(CURRENT_USER\)\)\[1\] AS visible_stores\))\)\s+THEN true\s+ELSE NULL::boolean\s+END IS NOT NULL\) AND \(\1 = \2\)\)$'
    and (
        u.text ~ '^\(+("[^"]+"|\w+)\)?(::[\w ]+)?\)? = (?!ANY)'
        -- Columns of the table itself are written without it.
        or u.text ~ '\(("[^"]+"|\w+)\)?(::[\w ]+)?\)? = \(+ ?SELECT\M'
        or u.text ~ ' = \(*("[^"]+"|\w+)(::[\w ]+)?\)*$'
        -- One of several conditions; what equals a constant tells rows of one tenant apart.
        or u.text !~ ' OR '
        and (
            u.text ~ ' AND \(+("[^"]+"|\w+)\)?(::[\w ]+)?\)? = (?!ANY|\(*[''\d]|true|false)'
            or u.text ~ ' = \(*("[^"]+"|(?!true|false)[[:alpha:]_]\w*)(::[\w ]+)?\)+ AND '
        )
        -- Which PostgreSQL turns into an equality.
        or u.text ~ '\mNOT \(.*<> (?!ALL)' and u.text !~ ' (AND|OR) '
        -- Or writes out of a function of one expression.
        or exists (
            select from pg_catalog.pg_depend as d
            left join pg_catalog.pg_operator as o
                on d.refclassid = 'pg_catalog.pg_operator'::regclass and o.oid = d.refobjid
            join functions as f
                on f.oid = case
                    when d.refclassid = 'pg_catalog.pg_proc'::regclass then d.refobjid
                    else o.oprcode
                end
            cross join lateral coalesce(pg_catalog.pg_get_function_sqlbody(f.oid), f.source) as b (text)
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and f.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'sql')
                and not f.prosecdef
                and f.provolatile <> 'v'
                and f.proconfig is null
                and f.returns = 'boolean'::regtype
                and b.text ~* '[^<>!:=]=(?!\s*(any\M|true\M|false\M|\(*[''\d])|[>=])'
                and b.text !~* '(select|return).*select'
        )
    )
    and p.polrelid in (select r.oid from readable as r)
