-- warning: A function that policies call is VOLATILE: no index can be used for its result.
select distinct
    f.name as object,
    'pg_proc.provolatile is v' as evidence,
    format('alter function %s stable;', f.name) as remedy
from asked as f
where f.provolatile = 'v'
