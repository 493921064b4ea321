-- error: A policy trusts a setting, which set_config() can change inside any SELECT.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (…);  -- ask a function that verifies a signed context', p.name) as remedy
from policies as p
where p.expressions ~* 'current_setting\('
    and p.polrelid in (select r.oid from readable as r)
    and has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute')
