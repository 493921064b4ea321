-- error: A SECURITY DEFINER function does not pin its search_path: its caller chooses what it calls.
select
    f.name as object,
    coalesce(array_to_string(f.proconfig, ', '), 'no SET clause') as evidence,
    format('alter routine %s set search_path = pg_catalog, pg_temp;', f.name) as remedy
from functions as f
where f.prosecdef
    and not f.is_bound
    and not exists (
        select from unnest(f.proconfig) as c (setting)
        where c.setting ~ '^search_path=' and c.setting !~ '\$user|^search_path=(""|"?pg_temp)'
    )
