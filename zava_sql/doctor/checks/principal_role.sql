-- error: The role of a principal does not fit its kind.
-- needs: zava.principals
select
    p.name as object,
    concat_ws(
        ', ',
        case when r.oid is null then format('there is no role %s', p.role_name) end,
        case when r.oid is not null and not o.has_class then format('%s is not a member of the class role of a %s', p.role_name, p.kind) end,
        case when o.stores <> 1 and p.kind = 'store' then format('a store with %s stores', o.stores) end,
        case when o.stores > 0 and p.kind = 'head' then format('head office with %s stores', o.stores) end
    ) as evidence,
    case
        when (o.stores = 1 or p.kind <> 'store') and (o.stores = 0 or p.kind <> 'head')
            then format('select zava._create_tenant_role(%L, %L);', p.role_name, o.class)
        else format('zava-sql principal disable %s', p.name)
    end as remedy
from zava.principals as p
left join pg_catalog.pg_roles as r on r.rolname = p.role_name
cross join lateral (
    select
        c.class,
        (
            select count(*) from zava.principal_stores as s where s.principal_id = p.principal_id
        ) as stores,
        exists (
            select from pg_catalog.pg_auth_members as m
            where m.member = r.oid
                and m.inherit_option
                and m.roleid::regrole::text = c.class
        ) as has_class
    from (
        select case p.kind
            when 'store' then 'store_manager'
            when 'region' then 'regional_manager'
            else 'head_office'
        end
    ) as c (class)
) as o
where p.active
    and (
        r.oid is null
        or not o.has_class
        or o.stores <> 1 and p.kind = 'store'
        or o.stores > 0 and p.kind = 'head'
    )
