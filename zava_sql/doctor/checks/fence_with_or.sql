-- warning: A fence can be passed in more than one way: an OR, CASE, COALESCE, NOT (…) or IS NOT FALSE may let other rows through.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (…);  -- the tenant key alone', p.name) as remedy
from policies as p
where not p.polpermissive
    -- But for what stands before an equality in db/policies, where it can only keep rows back.
    and regexp_replace(
        p.using_text,
        '^\(\(\s*CASE\s+WHEN \(\w+ = \( SELECT \(zava\.visible_stores\(CURRENT_USER\)\)\[1\] AS visible_stores\)\)'
        '\s+THEN true\s+ELSE NULL::boolean\s+END IS NOT NULL\) AND ',
        '('
    -- As IS NULL, IS NOT FALSE and IS DISTINCT FROM have it, what is unknown of no caller is enough.
    ) ~ '\m(OR|CASE|COALESCE)\M|\mNOT \(|\mIS (NULL|UNKNOWN|NOT FALSE|NOT TRUE|DISTINCT FROM)\M'
    and p.polrelid in (select r.oid from readable as r)
