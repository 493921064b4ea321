-- warning: A policy is for PUBLIC: it lets in every role that is ever granted the table.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s to …;', p.name) as remedy
from policies as p
where p.polpermissive and p.polroles = '{0}'
