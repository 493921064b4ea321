-- What the checks share. $1, $2, $3: roles of the gateway, the service and the administrator, as far
-- as they are known; $4: pid that the server gave the gateway's driver when it connected.
with recursive given (gateway, service, admin, pid) as (
    values ($1::text, $2::text, $3::text, $4::integer)
),
gateway as (
    select r.*
    from pg_catalog.pg_roles as r
    join given as g on g.gateway = r.rolname
),
-- Roles that the text of an agent can act as: the gateway, and whatever that can become.
reachable (oid) as (
    select g.oid from gateway as g
    union
    select m.roleid
    from reachable as r
    join pg_catalog.pg_auth_members as m on m.member = r.oid and m.set_option
),
-- Roles whose privileges these have.
inherited (oid) as (
    select r.oid from reachable as r
    union
    select m.roleid
    from inherited as i
    join pg_catalog.pg_auth_members as m on m.member = i.oid and m.inherit_option
),
-- The same with PUBLIC, as grants and policies name it.
enjoyed (oid, name) as (
    select i.oid, i.oid::regrole::text from inherited as i
    union all
    select 0::oid, 'PUBLIC'
),
of_extensions as (
    select d.classid, d.objid
    from pg_catalog.pg_depend as d
    where d.deptype = 'e'
),
schemas as (
    select
        n.oid,
        n.nspname,
        n.nspowner,
        n.nspacl,
        n.nspowner in (select i.oid from inherited as i) or exists (
            select
            from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
            join enjoyed as e on e.oid = a.grantee
            where a.privilege_type = 'USAGE'
        ) as is_usable
    from pg_catalog.pg_namespace as n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
),
relations as (
    select
        c.oid,
        s.oid as schema,
        format('%I.%I', s.nspname, c.relname) as name,
        c.relkind,
        c.relowner,
        c.relacl,
        c.relrowsecurity,
        c.relforcerowsecurity,
        c.reloptions,
        s.is_usable
    from pg_catalog.pg_class as c
    join schemas as s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and (
            not exists (
                select from of_extensions as x
                where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid
            )
            -- An application may be an extension as well: what its tables hold is given to agents by name.
            or exists (
                select from aclexplode(c.relacl) as a
                join inherited as i on i.oid = a.grantee
                union all
                select from pg_catalog.pg_attribute as t
                cross join aclexplode(t.attacl) as a
                join inherited as i on i.oid = a.grantee
                where t.attrelid = c.oid
            )
        )
),
-- What an agent may do with a relation, or with some columns of it, and by whose grant.
relation_grants as (
    select r.oid as relation, e.oid as grantee, e.name as grantee_name, a.privilege_type
    from relations as r
    cross join aclexplode(r.relacl) as a
    join enjoyed as e on e.oid = a.grantee
    where a.grantee <> r.relowner
    union
    select r.oid, e.oid, e.name, a.privilege_type
    from relations as r
    join pg_catalog.pg_attribute as t on t.attrelid = r.oid and t.attacl is not null
    cross join aclexplode(t.attacl) as a
    join enjoyed as e on e.oid = a.grantee
),
-- A grant counts in a schema that agents may not name as well: a view, a function, an operator, a cast
-- or a domain that was bound to the object when it was made reaches it all the same.
readable as (
    select
        r.*,
        g.grantees
    from relations as r
    join (
        select x.relation, string_agg(distinct x.grantee_name, ', ') as grantees
        from relation_grants as x
        where x.privilege_type = 'SELECT'
        group by x.relation
    ) as g on g.relation = r.oid
),
policies as (
    select
        p.oid,
        p.polrelid,
        format('%I on %s', p.polname, r.name) as name,
        format('drop policy if exists %I on %s;', p.polname, r.name) as undo,
        r.relowner,
        p.polpermissive,
        p.polcmd,
        p.polroles,
        u.text as using_text,
        concat_ws(
            ' ',
            pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
        ) as expressions,
        -- Nothing in it depends on who asks: no function, role or setting, and no table but such as
        -- show everybody the same.
        u.text = 'true'
        or not exists (
            select from pg_catalog.pg_depend as d
            left join pg_catalog.pg_class as c
                on d.refclassid = 'pg_catalog.pg_class'::regclass and c.oid = d.refobjid
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and (
                    d.refclassid = 'pg_catalog.pg_proc'::regclass
                    or c.oid <> p.polrelid and (c.relrowsecurity or c.relkind not in ('r', 'p'))
                )
        )
        and u.text collate "C" !~* 'current_(user|role|setting)|session_user|system_user|pg_has_role|getpgusername'
        as is_blind
    from pg_catalog.pg_policy as p
    join relations as r on r.oid = p.polrelid
    cross join lateral coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), 'true') as x (text)
    -- What stands beside true binds the policy to what it names, and asks nothing.
    cross join lateral (select case when x.text ~ '^\(true OR ' then 'true' else x.text end) as u (text)
),
-- What tells tenants apart: the column that most policies ask for, and whatever a policy about the caller
-- asks for alone, as of tables of another domain; but not a row's own id, which says nothing elsewhere.
tenant_key (name) as (
    (
        select a.attname
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_catalog.pg_policy'::regclass
            and d.refclassid = 'pg_catalog.pg_class'::regclass
        group by a.attname
        order by count(distinct d.refobjid) desc, a.attname
        limit 1
    )
    union
    select a.attname
    from (
        select p.polrelid, min(d.refobjsubid) as number
        from policies as p
        join pg_catalog.pg_depend as d
            on d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = p.polrelid
            and d.refobjsubid > 0
        where not p.is_blind
        group by p.oid, p.polrelid
        having count(distinct d.refobjsubid) = 1
    ) as one
    join pg_catalog.pg_attribute as a on a.attrelid = one.polrelid and a.attnum = one.number
    where not exists (
        select from pg_catalog.pg_constraint as c
        where c.conrelid = one.polrelid and c.contype = 'p' and c.conkey = array[one.number]::smallint[]
    )
),
-- Columns of primary keys.
keys as (
    select
        a.attname as name,
        a.atttypid as type,
        r.relrowsecurity as is_secured,
        -- Not of the small numbers and short words that say which line of something this is.
        a.atttypid in ('uuid'::regtype, 'bigint'::regtype, 'integer'::regtype) as is_long
    from pg_catalog.pg_constraint as c
    join relations as r on r.oid = c.conrelid
    join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum = any (c.conkey)
    where c.contype = 'p'
),
functions as (
    select
        p.oid,
        s.oid as schema,
        p.oid::regprocedure::text as name,
        p.proowner,
        p.prokind,
        p.prorettype as returns,
        p.prosrc as source,
        p.proargtypes as takes,
        p.prosecdef,
        p.proleakproof,
        p.provolatile,
        p.prolang,
        p.proconfig,
        p.prosqlbody is not null as is_bound,
        s.is_usable,
        (
            select string_agg(distinct e.name, ', ')
            from (
                select p.proowner, p.proacl
                union all
                -- An aggregate calls it for whoever may execute the aggregate.
                select o.proowner, o.proacl
                from pg_catalog.pg_aggregate as g
                join pg_catalog.pg_proc as o on o.oid = g.aggfnoid
                where p.oid in (
                    g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn,
                    g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn
                )
            ) as r
            cross join aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) as a
            join enjoyed as e on e.oid = a.grantee
            where a.grantee <> r.proowner
        ) as grantees
    from pg_catalog.pg_proc as p
    join schemas as s on s.oid = p.pronamespace
    where not exists (
        select from of_extensions as x
        where x.classid = 'pg_catalog.pg_proc'::regclass and x.objid = p.oid
    )
    -- What PostgreSQL made with a range type, to write one: no code of anybody's.
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_type'::regclass
            and d.deptype = 'i'
    )
),
-- Functions that policies call.
asked as (
    select distinct d.objid as policy, f.*
    from pg_catalog.pg_depend as d
    join functions as f on f.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
)
