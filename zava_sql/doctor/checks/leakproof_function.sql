-- error: A function says LEAKPROOF: PostgreSQL runs it on rows that a policy has not passed yet.
select
    f.name as object,
    'pg_proc.proleakproof is true' as evidence,
    format('alter function %s not leakproof;', f.name) as remedy
from functions as f
where f.proleakproof
