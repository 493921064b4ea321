-- error: Agents can call a function that sets a parameter which decides about rows.
select
    f.name as object,
    format('set %s; executable by %s', c.setting, f.grantees) as evidence,
    format('alter routine %s reset %s;', f.name, split_part(c.setting, '=', 1)) as remedy
from functions as f
cross join unnest(f.proconfig) as c (setting)
where f.grantees is not null
    -- The gateway is every tenant's session, and so the call may become any of them.
    and c.setting ~* '^(role|session_authorization|zava\..*)='
