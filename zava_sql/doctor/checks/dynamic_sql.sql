-- warning: Agents may call a function that runs text made from its arguments, which the guard does not see.
select
    f.name as object,
    format('executable by %s; %s', f.grantees, btrim(m.found[1])) as evidence,
    format('revoke execute on routine %s from %s;  -- or quote each part with %%I and %%L', f.name, f.grantees)
        as remedy
from functions as f
cross join lateral regexp_matches(
    -- Names and values quoted by format() are no text of the caller's.
    f.source, '(\mexecute\M[^;]*(?:\|\||%(?:[0-9]+\$)?-?[0-9]*s|\mreplace\M|\mconcat)[^;]*|\mexecute\s+[a-z_][a-z0-9_]*\s*(?:using|into|loop|;))',
    'i'
) as m (found)
where f.grantees is not null
    and f.is_usable
    and f.prolang = (select l.oid from pg_catalog.pg_language as l where l.lanname = 'plpgsql')
    -- Numbers, dates and keys are no text.
    and exists (
        select from unnest(f.takes) as t (type)
        join pg_catalog.pg_type as y on y.oid = t.type
        left join pg_catalog.pg_type as e on e.oid = y.typelem
        where y.typcategory in ('S', 'P') or e.typcategory in ('S', 'P')
            or y.oid in ('json'::regtype, 'jsonb'::regtype, 'xml'::regtype)
    )
    -- The runner, which is made for it.
    and not exists (select from schemas as s where s.oid = f.schema and s.nspname = 'zava_run')
