-- warning: The server's log receives the signed contexts with which tenants' sessions begin.
-- over: gateway
select
    s.name as object,
    format('%s is %s', s.name, s.value) as evidence,
    format('alter role %I set %s = %L;  -- by a superuser', current_user, s.name, s.better) as remedy
from (
    values
        ('log_statement', current_setting('log_statement'), 'ddl'),
        ('log_min_duration_statement', current_setting('log_min_duration_statement'), '1s')
) as s (name, value, better)
where s.name = 'log_statement' and s.value = 'all'
    or s.name = 'log_min_duration_statement' and s.value = '0'
