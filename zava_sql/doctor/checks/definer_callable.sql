-- error: Agents can call a function that runs with its owner's rights.
select
    f.name as object,
    format(
        'SECURITY DEFINER of %s, executable by %s%s',
        f.proowner::regrole,
        f.grantees,
        case when not f.is_usable then ' where a view or function is bound to it' end
    ) as evidence,
    format('alter routine %s security invoker;', f.name) as remedy
from functions as f
where f.prosecdef
    and f.grantees is not null
    -- Which PostgreSQL alone calls, and only a superuser can have called.
    and f.returns <> 'event_trigger'::regtype
    -- In a schema that agents may not name: the functions that policies call, and what ours call.
    and (
        f.is_usable
        or f.oid not in (select a.oid from asked as a)
        and f.returns not in ('trigger'::regtype, 'event_trigger'::regtype)
        and f.name not in ('zava.identify(name)', 'zava.queries_of_caller(name,integer)')
    )
    -- The runner, whose shape has a check of its own.
    and not exists (select from schemas as s where s.oid = f.schema and s.nspname = 'zava_run')
