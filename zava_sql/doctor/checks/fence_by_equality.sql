-- error: A fence is a bare equality: PostgreSQL may put the caller's expressions in its place, and evaluate them on rows that the fence hides.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (… = any (array[…]))', p.name) as remedy
from policies as p
where not p.polpermissive
    -- But for db/policies, which have what is asked before it.
    and p.using_text !~ '^\(\(\s*CASE\s+WHEN \((\w+) = (\( SELECT \(zava\.visible_stores\(CURRENT_USER\)\)\[1\] AS visible_stores\))\)\s+THEN true\s+ELSE NULL::boolean\s+END IS NOT NULL\) AND \(\1 = \2\)\)$'
    and (
        p.using_text ~ '^\(+("[^"]+"|\w+)\)?(::[\w ]+)?\)? = (?!ANY)'
        -- Columns of the table itself are written without it.
        or p.using_text ~ '\(("[^"]+"|\w+)\)?(::[\w ]+)?\)? = \(+ ?SELECT\M'
        or p.using_text ~ '\(+ ?SELECT\M.* = \(*("[^"]+"|\w+)(::[\w ]+)?\)*$'
    )
    and p.polrelid in (select r.oid from readable as r)
