-- warning: A fence can be passed in more than one way: what stands beside OR, or in CASE, COALESCE or NOT (…), lets other rows through.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (…);  -- the tenant key alone', p.name) as remedy
from policies as p
where not p.polpermissive
    and p.using_text ~ '\m(OR|CASE|COALESCE)\M|\mNOT \('
    and p.polrelid in (select r.oid from readable as r)
