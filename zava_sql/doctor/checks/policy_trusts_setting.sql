-- error: A policy trusts a setting, which set_config() can change inside any SELECT.
select
    p.name as object,
    format('using (%s)%s', p.using_text, '; read by ' || f.names) as evidence,
    format('alter policy %s using (…);  -- ask a function that verifies a signed context', p.name) as remedy
from policies as p
-- A function that only hands the setting on makes it no safer; one that verifies it has a hash to compare.
cross join lateral (
    select string_agg(a.name, ', ' order by a.name) as names
    from asked as a
    cross join lateral coalesce(pg_catalog.pg_get_function_sqlbody(a.oid), a.source) as b (text)
    where a.policy = p.oid
        and b.text ~* 'current_setting"?\s*\('
        and b.text !~* '\m(hmac|sha\d+|digest|crypt|\w*verify\w*)"?\s*\('
) as f
where (p.expressions ~* 'current_setting\(' or f.names is not null)
    and p.polrelid in (select r.oid from readable as r)
    and has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute')
