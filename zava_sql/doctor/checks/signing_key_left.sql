-- warning: An old signing key is still valid long after a newer one has taken its place.
-- needs: zava.signing_keys
select
    k.kid as object,
    format('a newer key is of %s', min(y.created_at)::date) as evidence,
    format('zava-sql key retire %s', k.kid) as remedy
from zava.signing_keys as k
join zava.signing_keys as y on y.created_at > k.created_at and y.not_after > now()
where k.not_after > now()
group by k.kid
having min(y.created_at) < now() - interval '30 days'
