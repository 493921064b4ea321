-- error: The runner is not as it was created: its text could take other rights or change rows.
select
    f.name as object,
    concat_ws(
        ', ',
        case when not f.prosecdef then 'not SECURITY DEFINER' end,
        case when f.provolatile <> 's' then 'not STABLE' end,
        case when not coalesce(f.proconfig && n.search_paths, false) then 'another search_path' end,
        case when f.proowner <> coalesce(to_regrole(quote_ident(p.proname)), 0) then format('owned by %s', f.proowner::regrole) end,
        case when f.grantees is distinct from 'zava_runner' then format('executable by %s', f.grantees) end,
        case when p.prosrc !~ b.pattern then 'another body' end
    ) as evidence,
    'select zava._create_runner();' as remedy
from functions as f
join pg_catalog.pg_proc as p on p.oid = f.oid
join schemas as s on s.oid = f.schema and s.nspname = 'zava_run'
cross join lateral (
    select format(
        $pattern$^\s*begin\s+if current_user <> '%s' then\s+raise exception '[^']+'\s+using errcode = '\w+',\s+hint = '[^']+';\s+end if;\s+return query execute p_query;\s+end;\s*$$pattern$,
        p.proname
    )
) as b (pattern)
-- The second is how a dump restores it where quote_all_identifiers is on.
cross join (
    values (array['search_path=retail, public, pg_temp', 'search_path="retail", "public", "pg_temp"'])
) as n (search_paths)
where not f.prosecdef
    or f.provolatile <> 's'
    or not coalesce(f.proconfig && n.search_paths, false)
    or f.proowner <> coalesce(to_regrole(quote_ident(p.proname)), 0)
    or f.grantees is distinct from 'zava_runner' and exists (select from gateway as g)
    or p.prosrc !~ b.pattern
