-- info: This is a replica: what was changed on the primary a moment ago may be missing.
select
    coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'a socket') as object,
    'in recovery' as evidence,
    'Ask the primary as well, whose settings and logs are its own. No command can write here:'
        ' migrations, principals, keys, seed, refresh and embed are for the primary.' as remedy
where pg_is_in_recovery()
