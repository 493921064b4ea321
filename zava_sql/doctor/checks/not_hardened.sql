-- warning: PUBLIC may execute set_config() and other built-in functions that move, hold or tell.
-- over: hardening
select
    current_database()::text as object,
    format('%s of %s objects are open to PUBLIC, set_config() among them', count(*) filter (where not h.done), count(*)) as evidence,
    'zava-sql harden' as remedy
from hardening as h
having bool_or(h.object ~ '^(pg_catalog\.)?set_config\(' and not h.done)
