-- error: A policy trusts a setting, or the role, which set_config() can change inside any SELECT.
select
    p.name as object,
    format('using (%s)%s', p.using_text, '; read by ' || f.names) as evidence,
    format('alter policy %s using (…);  -- ask a function that verifies a signed context', p.name) as remedy
from policies as p
-- What only hands the setting on makes it no safer: a function, another that it calls, a view.
left join (
    with bodies (policy, name, text) as (
        select a.policy, a.name, coalesce(pg_catalog.pg_get_function_sqlbody(a.oid), a.source)
        from asked as a
        union all
        select d.objid, v.name, pg_catalog.pg_get_viewdef(v.oid)
        from pg_catalog.pg_depend as d
        join relations as v on v.oid = d.refobjid and v.relkind = 'v'
        where d.classid = 'pg_catalog.pg_policy'::regclass
            and d.refclassid = 'pg_catalog.pg_class'::regclass
    ),
    readers (name, text, called) as materialized (
        select f.name, b.text, format('\m%s"?\s*\(', regexp_replace(n.proname, '\W', '\\\&', 'g'))
        from functions as f
        join pg_catalog.pg_proc as n on n.oid = f.oid
        cross join lateral (
            select coalesce(pg_catalog.pg_get_function_sqlbody(f.oid), f.source) as text
        ) as b
        where b.text ~* 'current_setting"?\s*\('
    )
    select x.policy, string_agg(distinct x.name, ', ' order by x.name) as names
    from (
        select b.policy, b.name, b.text from bodies as b
        union all
        select b.policy, r.name, b.text || r.text
        from bodies as b
        join readers as r on b.text ~ r.called
    ) as x
    where x.text ~* 'current_setting"?\s*\('
        -- One that verifies it has a hash to compare.
        and x.text !~* '\m(hmac|sha\d+|digest|crypt|\w*verify\w*)"?\s*\('
    group by x.policy
) as f on f.policy = p.oid
where (
        p.expressions ~* 'current_setting\('
        or f.names is not null
        -- As PostgreSQL writes it, and handed to no function that could ask for more.
        or p.using_text ~ '(?<![''"])\m(CURRENT_USER|CURRENT_ROLE|USER)\M|\mpg_has_role\('
        and p.polcmd in ('r', '*')
        and exists (select from enjoyed as e where e.oid = any (p.polroles))
        and not exists (
            select from asked as a
            join policies as o on o.oid = a.policy
            where o.oid = p.oid or o.polrelid = p.polrelid and not o.polpermissive
        )
    )
    and p.polrelid in (select r.oid from readable as r)
    and has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute')
