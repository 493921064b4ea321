-- zava.house_rules(): what breaks a rule that every object keeps. Asked before a revision is
-- written, over the objects that it would make, and by tests/sql/house_rules.sql of a database.
create or replace function zava.house_rules(
    p_schemas name[] default '{zava,retail,api}'
)
returns table (rule text, object text, remedy text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'a function is bound at creation or pins its search_path to pg_catalog, pg_temp',
        p.oid::regprocedure::text,
        'write it with begin atomic, or add: set search_path = pg_catalog, pg_temp'
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and p.prosqlbody is null
        -- The second is how a dump restores it where quote_all_identifiers is on.
        and not coalesce(
            p.proconfig && array['search_path=pg_catalog, pg_temp', 'search_path="pg_catalog", "pg_temp"'],
            false
        )

    union all

    select
        'no function can be executed by PUBLIC',
        p.oid::regprocedure::text,
        format('add: revoke execute on function %s from public;', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
            where a.grantee = 0
        )

    union all

    select
        'every function has a comment',
        p.oid::regprocedure::text,
        format('add: comment on function %s is …, a line for each parameter', p.oid::regprocedure)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any (p_schemas)
        and pg_catalog.obj_description(p.oid, 'pg_proc') is null

    union all

    select
        'row-level security is enabled and forced on every tenant table',
        c.oid::regclass::text,
        format(
            'add to its file in db/policies: alter table %1$s enable row level security;'
            ' alter table %1$s force row level security;',
            c.oid::regclass
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    where n.nspname = any (p_schemas)
        and n.nspname ~ 'retail$'
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and a.attname = 'store_id'
        and not a.attisdropped
        and not (c.relrowsecurity and c.relforcerowsecurity)

    union all

    select
        'no policy is for PUBLIC or zava_owner',
        format('%s on %s', p.polname, c.oid::regclass),
        'name the roles that it is for: to store_manager'
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any (p_schemas)
        and exists (
            select
            from unnest(p.polroles) as u (role)
            left join pg_catalog.pg_roles as r on r.oid = u.role
            where r.rolname is null or r.rolname = 'zava_owner'
        )
    order by 1, 2;
end;

comment on function zava.house_rules(name[]) is
    'What breaks a rule that every object keeps, and how to mend it. No row when all is well.

p_schemas: names of the schemas to look at';
revoke execute on function zava.house_rules(name[]) from public;
