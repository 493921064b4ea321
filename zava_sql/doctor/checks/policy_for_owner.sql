-- error: A policy lets the table's owner in: what runs as the owner sees those rows for everybody.
select
    p.name as object,
    format('for %s, using (%s)', p.relowner::regrole, p.using_text) as evidence,
    p.undo as remedy
from policies as p
where p.polpermissive and p.relowner = any (p.polroles)
