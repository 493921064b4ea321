-- error: The gateway may create roles, databases or replication connections, and so give itself what it lacks.
select
    g.rolname as object,
    concat_ws(
        ', ',
        case when g.rolcreaterole then 'CREATEROLE' end,
        case when g.rolcreatedb then 'CREATEDB' end,
        case when g.rolreplication then 'REPLICATION' end
    ) as evidence,
    format('alter role %I nocreaterole nocreatedb noreplication;', g.rolname) as remedy
from gateway as g
where g.rolcreaterole or g.rolcreatedb or g.rolreplication
