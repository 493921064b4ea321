-- warning: PUBLIC may execute a function: so may every role that is ever created.
select
    f.name as object,
    'EXECUTE granted to PUBLIC' as evidence,
    -- That grant is all that an application's roles have of its own functions.
    case
        when f.is_usable or f.schema in (select a.schema from asked as a) then ''
        else format('grant execute on routine %s to …; ', f.name)
    end || format('revoke execute on routine %s from public;', f.name) as remedy
from functions as f
where f.grantees ~ '\mPUBLIC\M'
    -- Which PostgreSQL alone calls.
    and f.returns not in ('trigger'::regtype, 'event_trigger'::regtype)
