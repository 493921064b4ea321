-- error: The gateway logs in as the service or as the administrator.
select
    g.gateway as object,
    concat_ws(
        ', ',
        case when g.gateway = g.service then 'ZAVA_SERVICE_URL has the same user' end,
        case when g.gateway = g.admin then 'ZAVA_ADMIN_URL has the same user' end
    ) as evidence,
    'Give ZAVA_DATABASE_URL a login of its own.' as remedy
from given as g
where g.gateway in (g.service, g.admin)
