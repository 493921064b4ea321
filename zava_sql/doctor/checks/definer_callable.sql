-- error: Agents can call a function that runs with its owner's rights.
select
    f.name as object,
    format('SECURITY DEFINER of %s, executable by %s', f.proowner::regrole, f.grantees) as evidence,
    format('alter routine %s security invoker;', f.name) as remedy
from functions as f
where f.prosecdef
    and f.grantees is not null
    and f.is_usable
    -- The runner, whose shape has a check of its own.
    and not exists (select from schemas as s where s.oid = f.schema and s.nspname = 'zava_run')
