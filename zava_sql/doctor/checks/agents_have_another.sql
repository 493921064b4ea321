-- error: Agents have a role besides their tenant's and its class: what it may do, owns and sees is theirs.
select
    m.member::regrole::text as object,
    format('member of %s', m.roleid::regrole) as evidence,
    format(
        'revoke %s from %s granted by %s;',
        m.roleid::regrole, m.member::regrole, m.grantor::regrole
    ) as remedy
from pg_catalog.pg_auth_members as m
cross join lateral (
    select
        exists (select from gateway as g where g.oid = m.member) as is_gateway,
        exists (select from reachable as r where r.oid = m.member) as is_reached,
        m.member::regrole::text = any (k.classes) as is_class,
        m.roleid::regrole::text = any (k.classes) as gives_class,
        -- Of a tenant, one that is left of a former principal among them, or the runner's.
        m.roleid::regrole::text = 'zava_runner' or exists (
            select from pg_catalog.pg_auth_members as c
            where c.member = m.roleid and c.roleid::regrole::text = any (k.classes)
        ) as gives_tenant
    from (values (array['store_manager', 'regional_manager', 'head_office'])) as k (classes)
) as x
where to_regclass('zava.principals') is not null
    and (x.is_reached or x.is_class)
    and case
        when x.is_gateway then not x.gives_tenant
        when x.is_class then true
        else not x.gives_class
    end
    and (m.inherit_option or x.is_reached and m.set_option)
    -- One that only reads is for the checks of what it reads; a tenant that lost its class has nothing.
    and (
        m.roleid in (
            select s.nspowner from schemas as s
            union all
            select r.relowner from relations as r
            union all
            select f.proowner from functions as f
        )
        or exists (
            select from relation_grants as g
            where g.grantee = m.roleid and g.privilege_type <> 'SELECT'
        )
        or exists (select from policies as p where m.roleid = any (p.polroles))
    )
    -- Of these a check of its own says more.
    and m.roleid >= 16384
