-- warning: PUBLIC may execute a function: so may every role that is ever created.
select
    f.name as object,
    'EXECUTE granted to PUBLIC' as evidence,
    format('revoke execute on routine %s from public;', f.name) as remedy
from functions as f
where f.grantees ~ '\mPUBLIC\M'
