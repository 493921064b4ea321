-- error: A fence is an equality alone: PostgreSQL may take another condition for equal to it, and ask that of rows that the fence hides.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (… = any (array[…]))', p.name) as remedy
from policies as p
where not p.polpermissive
    and p.using_text ~ '^\(+("[^"]+"|\w+)\)?(::[\w ]+)?\)? = (?!ANY)'
    and p.polrelid in (select r.oid from readable as r)
