-- warning: All signing keys are older than a year; whoever got hold of one could sign contexts.
-- needs: zava.signing_keys
select
    k.kid as object,
    format('made on %s', k.created_at::date) as evidence,
    'zava-sql key create' as remedy
from zava.signing_keys as k
where k.not_after > now()
    and not exists (
        select from zava.signing_keys as y
        where y.not_after > now() and y.created_at > now() - interval '1 year'
    )
