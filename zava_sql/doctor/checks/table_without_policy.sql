-- warning: A table that agents may read has row-level security but no policy: it shows no rows.
select
    r.name as object,
    format('readable by %s', r.grantees) as evidence,
    format('create policy … on %s for select to … using (…);', r.name) as remedy
from readable as r
where r.relrowsecurity
    and not exists (
        select from policies as p
        where p.polrelid = r.oid
            and p.polpermissive
            and p.polcmd in ('r', '*')
            and p.polroles && (select array_agg(e.oid) from enjoyed as e)
    )
