-- warning: A policy calls its function for each row; in a sub-select (an initplan) it runs once per statement.
select
    p.name as object,
    format('using (%s)', p.using_text) as evidence,
    format('alter policy %s using (… (select %s(…)));', p.name, c.name) as remedy
from policies as p
join (
    select a.policy, format('%I.%I', s.nspname, f.proname) as name, f.proname
    from asked as a
    join pg_catalog.pg_proc as f on f.oid = a.oid
    join schemas as s on s.oid = a.schema
) as c on c.policy = p.oid
where (select count(*) from regexp_matches(p.expressions, '\m' || c.proname || '\(', 'g'))
    > (
        select count(*)
        from regexp_matches(p.expressions, 'SELECT [(]*(\w+\.)?' || c.proname || '\(', 'g')
    )
