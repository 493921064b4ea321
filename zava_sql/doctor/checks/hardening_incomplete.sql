-- warning: This database is hardened, but not against everything that this version knows.
-- over: hardening
select
    h.object as object,
    format('open to PUBLIC; protects from %s', h.protects_from) as evidence,
    h.statement || ';' as remedy
from hardening as h
where not h.done
    and not exists (
        select from hardening as o
        where o.object ~ '^(pg_catalog\.)?set_config\(' and not o.done
    )
