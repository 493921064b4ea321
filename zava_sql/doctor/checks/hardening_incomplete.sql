-- warning: This database is hardened, but not against everything that this version knows.
-- over: hardening
select
    h.object as object,
    case
        when h.undo = '' then h.protects_from
        else format('open to PUBLIC; protects from %s', h.protects_from)
    end as evidence,
    h.statement || ';' as remedy
from hardening as h
where not h.done
    and not exists (
        select from hardening as o
        where o.object ~ '^(pg_catalog\.)?set_config\(' and o.undo <> '' and not o.done
    )
