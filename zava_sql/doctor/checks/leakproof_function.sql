-- error: A function is marked LEAKPROOF: PostgreSQL may run it on rows that a policy hides.
select
    f.name as object,
    'pg_proc.proleakproof is true' as evidence,
    format('alter function %s not leakproof;', f.name) as remedy
from functions as f
where f.proleakproof
