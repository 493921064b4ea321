-- error: The server is older than PostgreSQL 16: memberships without inheritance are not possible.
select
    'PostgreSQL' as object,
    format('server_version is %s', current_setting('server_version')) as evidence,
    'Upgrade the server to PostgreSQL 16, 17 or 18.' as remedy
where current_setting('server_version_num')::integer < 160000
