-- warning: PUBLIC may execute set_config() and other built-in functions that change settings, hold locks or tell about others.
-- over: hardening
select
    current_database()::text as object,
    format('%s of %s objects are open to PUBLIC, set_config() among them', count(*) filter (where not h.done), count(*)) as evidence,
    case
        when exists (select from functions as f where f.name ~ '^(zava\.)?harden\(boolean\)$')
            then 'zava-sql harden'
        else 'zava-sql harden --print | psql …  -- by a superuser'
    end as remedy
from hardening as h
having bool_or(h.object ~ '^(pg_catalog\.)?set_config\(' and h.undo <> '' and not h.done)
