-- warning: Sessions of the gateway have row_security off: every query of a tenant table fails.
-- over: gateway
select
    current_user::text as object,
    'row_security is off' as evidence,
    format('alter role %I set row_security = on;', current_user) as remedy
where current_setting('row_security') = 'off'
