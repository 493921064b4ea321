-- info: Keys of AI clients that are older than a year and never expire.
-- needs: zava.api_keys
select
    p.name as object,
    format('%s keys, the oldest of %s', count(*), min(k.created_at)::date) as evidence,
    'zava-sql token list' as remedy
from zava.api_keys as k
join zava.principals as p on p.principal_id = k.principal_id
where k.revoked_at is null
    and k.expires_at = 'infinity'
    and k.created_at < now() - interval '1 year'
group by p.name
