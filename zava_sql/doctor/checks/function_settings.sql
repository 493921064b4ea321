-- error: Agents can call a function that sets a parameter which decides about rows.
select
    f.name as object,
    format('%s; executable by %s', s.said, f.grantees) as evidence,
    s.remedy
from functions as f
-- The gateway is every tenant's session, and so the call may become any of them.
cross join lateral (
    select
        format('set %s', c.setting) as said,
        format('alter routine %s reset %s;', f.name, split_part(c.setting, '=', 1)) as remedy
    from unnest(f.proconfig) as c (setting)
    where c.setting ~* '^(role|session_authorization|zava\..*)='
    union all
    select
        regexp_replace(btrim(m.found[1]), '\s+', ' ', 'g'),
        format('revoke execute on routine %s from %s;', f.name, f.grantees)
    from regexp_matches(
        f.source,
        '(?:^|;|\mbegin\M|\mthen\M|\melse\M|\mloop\M)\s*(set\s+(?:local\s+|session\s+)?(?:role|session\s+authorization)\M[^;]*)',
        'i'
    ) as m (found)
) as s
where f.grantees is not null
