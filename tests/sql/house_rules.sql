-- The rules that every object keeps, as queries over the catalogue: what a rule returns breaks it.
-- tests/test_house_rules.py breaks each rule once and sees it fail.
begin;
select plan(60);

create temporary view ours as
select n.oid, n.nspname, n.nspowner, n.nspacl
from pg_catalog.pg_namespace as n
where n.nspname in ('zava', 'api', 'retail');

create temporary view routines as
select
    p.*,
    p.oid::regprocedure::text as signature,
    n.nspname,
    pg_catalog.obj_description(p.oid, 'pg_proc') as comment
from pg_catalog.pg_proc as p
join ours as n on n.oid = p.pronamespace;

create temporary view tables as
select
    c.*,
    c.oid::regclass::text as name,
    n.nspname,
    pg_catalog.obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class as c
join ours as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition;

create temporary view tenant_tables as
select t.*
from tables as t
where t.nspname = 'retail'
    and exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid = t.oid and a.attname = 'store_id' and not a.attisdropped
    );

create temporary view policies as
select
    p.*,
    t.name as table_name,
    r.rolname,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using_text,
    concat_ws(
        ' ',
        pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    ) as expressions
from pg_catalog.pg_policy as p
join tables as t on t.oid = p.polrelid
cross join unnest(p.polroles) as u (role)
left join pg_catalog.pg_roles as r on r.oid = u.role;

create temporary view classes (rolname) as
values ('store_manager'::name), ('regional_manager'), ('head_office');

-- The role of a tenant exists once there is a principal: one of each kind.
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
values ('house_rules', 'House Rules', 'Seattle', 0.1, '2020-01-01');
select zava.create_principal('house-rules-store', 'store', '{house_rules}');
select zava.create_principal('house-rules-region', 'region', '{house_rules}');
select zava.create_principal('house-rules-head', 'head');

create temporary view tenant_roles as
select r.*
from pg_catalog.pg_roles as r
where r.rolname ~ '^zava_((store|region)_|head_office$)' or r.rolname in (select c.rolname from classes as c);

create temporary view grants as
select n.nspname as object, 'schema' as kind, a.grantee, a.privilege_type
from ours as n
cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
where a.grantee <> n.nspowner
union all
select c.oid::regclass::text, 'relation', a.grantee, a.privilege_type
from pg_catalog.pg_class as c
join ours as n on n.oid = c.relnamespace
cross join aclexplode(c.relacl) as a
where a.grantee <> c.relowner
union all
select format('%s.%s', t.attrelid::regclass, t.attname), 'relation', a.grantee, a.privilege_type
from pg_catalog.pg_attribute as t
join pg_catalog.pg_class as c on c.oid = t.attrelid
join ours as n on n.oid = c.relnamespace
cross join aclexplode(t.attacl) as a
union all
select r.signature, 'function', a.grantee, a.privilege_type
from routines as r
cross join aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) as a
where a.grantee <> r.proowner;

-- What a new revision is measured by, too.
create temporary view broken as
select r.rule, r.object from zava.house_rules() as r;

-- ---------------------------------------------------------------- functions

select is_empty(
    $$ select b.object from broken as b
       where b.rule = 'a function is bound at creation or pins its search_path to pg_catalog, pg_temp' $$,
    'a function is bound at creation or pins its search_path to pg_catalog, pg_temp'
);
select is_empty(
    $$ select r.signature, c.setting from routines as r cross join unnest(r.proconfig) as c (setting)
       where c.setting like 'search_path=%' and c.setting <> 'search_path=pg_catalog, pg_temp' $$,
    'no function sets another search_path'
);
select is_empty(
    $$ select b.object from broken as b
       where b.rule = 'every function has a comment' $$,
    'every function has a comment'
);
select is_empty(
    $$ select b.object from broken as b
       where b.rule = 'no function can be executed by PUBLIC' $$,
    'no function can be executed by PUBLIC'
);
select is_empty(
    $$ select r.signature from routines as r where r.proowner <> 'zava_owner'::regrole $$,
    'zava_owner owns every function'
);
select set_eq(
    $$ select r.signature from routines as r where r.prosecdef $$,
    array[
        'zava.access_version(uuid,text)',
        'zava.append_audit(uuid,jsonb)',
        'zava.audit_chain()',
        'zava.authenticate(bytea)',
        'zava.find_principal(text)',
        'zava.find_principal_by_id(uuid)',
        'zava.identify(name)',
        'zava.is_head_office(name)',
        'zava.knows_signing_key(text,bytea)',
        'zava.live_embedding_model()',
        'zava.queries_of_caller(name,integer)',
        'zava.verify_context(name)',
        'zava.visible_stores(name)'
    ],
    'exactly these functions are SECURITY DEFINER'
);
select is_empty(
    $$ select r.signature from routines as r where r.nspname = 'api' and r.prosecdef $$,
    'every api function is SECURITY INVOKER'
);
select is_empty(
    $$ select r.signature from routines as r where r.nspname = 'api' and r.provolatile = 'v' $$,
    'no api function is VOLATILE'
);
select is_empty(
    $$ select r.signature, f.name
       from routines as r
       cross join lateral regexp_replace(
           coalesce(pg_catalog.pg_get_function_sqlbody(r.oid), r.prosrc), '''[^'']*''', '', 'g'
       ) as b (body) -- without what is text in it
       cross join ( -- in one pattern: to compile one for each name takes most of the time of all rules
           select format('(?i)\m(?:%s)\M', string_agg(n.name, '|'))
           from (
               select format('%s[.]%s', c.nspname, c.proname) from routines as c where c.provolatile <> 'i'
               union all
               select format('%s[.]%s', t.nspname, t.relname) from tables as t
               union all
               values ('(?:clock|statement|transaction)_timestamp'), ('now'), ('current_\w+'), ('session_user'), ('random')
           ) as n (name)
       ) as o (names)
       cross join lateral substring(b.body, o.names) as f (name)
       where r.provolatile = 'i' and f.name is not null $$,
    'no IMMUTABLE function reads a table, a setting, the clock or the caller'
);
select is_empty(
    $$ select r.signature from routines as r
       where r.proparallel = 's' and not r.prosecdef
           and (
               r.nspname = 'api' and r.prosqlbody is null
               or exists (
                   select from pg_catalog.pg_depend as d
                   join tenant_tables as t on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
                   where d.classid = 'pg_proc'::regclass and d.objid = r.oid
               )
           ) $$,
    'no function that may read tenant tables is PARALLEL SAFE, for their policies are not'
);
select is_empty(
    $$ select r.signature, a.name
       from routines as r
       cross join lateral generate_series(1, coalesce(cardinality(r.proallargtypes), r.pronargs)) as i (n)
       cross join lateral (select coalesce(r.proargnames[i.n], '') as name, coalesce(r.proargmodes[i.n], 'i') as mode) as a
       where a.mode in ('i', 'b', 'v') and a.name !~ '^p_[a-z]' $$,
    'every parameter has a name that starts with p_'
);
select is_empty(
    $$ select r.signature, a.name
       from routines as r
       cross join lateral generate_series(1, coalesce(cardinality(r.proallargtypes), r.pronargs)) as i (n)
       cross join lateral (select coalesce(r.proargnames[i.n], '') as name, coalesce(r.proargmodes[i.n], 'i') as mode) as a
       where a.mode in ('i', 'b', 'v')
           and coalesce(r.comment, '') !~ ('(^|\n)' || a.name || ': \S') $$,
    'the comment has a line for every parameter'
);
select is_empty(
    $$ select r.signature from routines as r
       where r.oid = any (array[
               'zava.verify_context(name)', 'zava.visible_stores(name)',
               'zava.is_head_office(name)', 'zava.identify(name)',
               'zava.queries_of_caller(name,integer)'
           ]::regprocedure[])
           and (r.provolatile <> 's' or r.proparallel <> 'r' or r.proowner <> 'zava_owner'::regrole) $$,
    'functions that read the context are STABLE, PARALLEL RESTRICTED and owned by zava_owner'
);
select is_empty(
    $$ select r.signature from routines as r
       join pg_catalog.pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = r.oid
       join routines as c on d.refclassid = 'pg_proc'::regclass and d.refobjid = c.oid
       where c.proparallel <> 's' and r.proparallel = 's' $$,
    'no PARALLEL SAFE function calls one that is not'
);
select is_empty(
    $$ select g.object, g.grantee::regrole from grants as g
       join routines as r on r.signature = g.object
       where g.kind = 'function' and r.nspname = 'api'
           and g.grantee <> all (select c.rolname::regrole from classes as c) $$,
    'api functions are granted to the class roles and nobody else'
);
select set_eq(
    $$ select g.object from grants as g
       join routines as r on r.signature = g.object
       join tenant_roles as t on t.oid = g.grantee
       where g.kind = 'function' and r.nspname = 'zava' and (r.prosecdef or r.provolatile = 'v') $$,
    array[
        'zava.visible_stores(name)', 'zava.is_head_office(name)', 'zava.identify(name)',
        'zava.queries_of_caller(name,integer)'
    ],
    'with the rights of the owner a tenant runs just what policies, whoami and my_queries call'
);
select set_eq(
    $$ select g.grantee::regrole::text, g.object from grants as g
       join routines as r on r.signature = g.object
       where g.kind = 'function' and r.nspname = 'zava' and (r.prosecdef or r.provolatile = 'v')
           and g.grantee not in (select t.oid from tenant_roles as t) $$,
    $$ select 'zava_service', s.signature from unnest(array[
           'zava.authenticate(bytea)', 'zava.find_principal(text)', 'zava.find_principal_by_id(uuid)',
           'zava.knows_signing_key(text,bytea)', 'zava.access_version(uuid,text)',
           'zava.append_audit(uuid,jsonb)', 'zava.audit_chain()', 'zava.live_embedding_model()'
       ]) as s (signature) $$,
    'and the service login what tells who asks, takes the audit, names the model; no other'
);
select is_empty(
    $$ select r.signature, c.rolname from routines as r cross join classes as c
       where r.nspname = 'api' and r.proname like '\_%'
           and not has_function_privilege(c.rolname, r.oid, 'execute') $$,
    'what api functions call among themselves each class may run'
);
select isnt_empty(
    $$ select from pg_catalog.pg_default_acl as d
       where d.defaclrole = 'zava_owner'::regrole and d.defaclnamespace = 0
           and d.defaclobjtype = 'f'
           and not exists (select from aclexplode(d.defaclacl) as a where a.grantee = 0) $$,
    'a function of zava_owner is born closed to PUBLIC'
);

-- ---------------------------------------------------------------- tenant tables and their policies

select set_has(
    $$ select t.relname::text from tenant_tables as t $$,
    $$ values ('stores'), ('customers'), ('inventory'), ('stock_movements'), ('orders'), ('order_items') $$,
    'what belongs to a store is a tenant table: it has a store_id'
);
select is_empty(
    $$ select b.object from broken as b
       where b.rule = 'row-level security is enabled and forced on every tenant table' $$,
    'row-level security is enabled and forced on every tenant table'
);
select is_empty(
    $$ select t.name from tables as t
       where t.nspname = 'zava' and (not t.relrowsecurity or t.oid in (select p.polrelid from policies as p)) $$,
    'row-level security without a policy closes every table of the kernel'
);
select is_empty(
    $$ select t.name from tenant_tables as t
       where not exists (
           select from pg_catalog.pg_constraint as k
           join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum = k.conkey[1]
           where k.conrelid = t.oid and k.contype = 'p' and a.attname = 'store_id'
       ) $$,
    'store_id comes first in the primary key of every tenant table'
);
select is_empty(
    $$ select t.name, k.conname from tenant_tables as t
       join pg_catalog.pg_constraint as k on k.conrelid = t.oid and k.contype = 'f'
       join tenant_tables as f on f.oid = k.confrelid
       where not exists (
           select from unnest(k.conkey, k.confkey) as u (own, other)
           join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum = u.own
           join pg_catalog.pg_attribute as b on b.attrelid = f.oid and b.attnum = u.other
           where a.attname = 'store_id' and b.attname = 'store_id'
       ) $$,
    'a foreign key between tenant tables stays within the store'
);
-- A row is found in an index before its fence is asked, unless the index holds what the fence asks for:
-- that it was not asked would tell that no store has such a row. Functions are not leakproof as = is.
select is_empty(
    $$ select i.indexrelid::regclass from pg_catalog.pg_index as i
       join tenant_tables as t on t.oid = i.indrelid
       where i.indexprs is null
           and not exists (
               select from pg_catalog.pg_attribute as a
               where a.attrelid = t.oid and a.attname = 'store_id' and a.attnum = any (i.indkey::smallint[])
           ) $$,
    'every index of columns of a tenant table holds its store_id'
);
select is_empty(
    $$ select t.name, c.rolname, count(p.oid) from tenant_tables as t
       cross join classes as c
       left join policies as p on p.polrelid = t.oid and p.rolname = c.rolname and p.polpermissive
       group by t.name, c.rolname
       having count(p.oid) filter (where p.polcmd = 'r') <> 1 or count(p.oid) <> 1 $$,
    'each class has exactly one permissive policy on each tenant table, and it is for SELECT'
);
select is_empty(
    $$ select t.name, c.rolname, count(p.oid) from tenant_tables as t
       cross join classes as c
       left join policies as p on p.polrelid = t.oid and p.rolname = c.rolname and not p.polpermissive
       group by t.name, c.rolname
       having count(p.oid) filter (where p.polcmd = '*') <> 1 or count(p.oid) <> 1 $$,
    'each class stands behind exactly one restrictive fence on each tenant table, for ALL'
);
select is_empty(
    $$ select p.table_name, p.polname from policies as p
       where not p.polpermissive
           and (p.polwithcheck is not null or p.using_text is distinct from case
               when p.rolname = 'head_office'
                   then '( SELECT zava.is_head_office(CURRENT_USER) AS is_head_office)'
               when p.rolname = 'store_manager' and p.table_name in (
                   'retail.customers', 'retail.inventory', 'retail.order_items', 'retail.orders',
                   'retail.stock_movements'
               )
                   then E'((\nCASE\n'
                       '    WHEN (store_id = ( SELECT (zava.visible_stores(CURRENT_USER))[1] AS visible_stores))'
                       ' THEN true\n    ELSE NULL::boolean\nEND IS NOT NULL)'
                       ' AND (store_id = ( SELECT (zava.visible_stores(CURRENT_USER))[1] AS visible_stores)))'
               when p.rolname = 'store_manager'
                   then '(store_id = ANY (ARRAY[( SELECT (zava.visible_stores(CURRENT_USER))[1] AS visible_stores)]))'
               else '(store_id = ANY (( SELECT zava.visible_stores(CURRENT_USER) AS visible_stores)::uuid[]))'
           end) $$,
    'every fence asks the signed context, once a statement'
);
select is_empty(
    $$ select p.table_name, p.polname from policies as p
       where p.polpermissive and p.rolname is distinct from 'zava_writer'
           and not exists (
               select from policies as f
               where f.polrelid = p.polrelid and f.rolname = p.rolname and not f.polpermissive
           ) $$,
    'no role but zava_writer is let in without a fence'
);
select is_empty(
    $$ select p.table_name, p.polname, p.rolname from policies as p
       where p.polpermissive and p.polcmd <> 'r' and p.rolname is distinct from 'zava_writer' $$,
    'only zava_writer has a policy for writing'
);
select is_empty(
    $$ select t.name from tenant_tables as t
       where not exists (
           select from policies as p
           where p.polrelid = t.oid and p.rolname = 'zava_writer' and p.polpermissive
               and p.polcmd = '*' and p.expressions = 'true true'
       )
           or not (
               select bool_and(has_table_privilege('zava_writer', t.oid, p.privilege))
               from unnest(array['select', 'insert', 'update', 'delete']) as p (privilege)
           ) $$,
    'and it writes to every tenant table, whatever the store'
);
select is_empty(
    $$ select b.object from broken as b
       where b.rule = 'no policy is for PUBLIC or zava_owner' $$,
    'no policy is for PUBLIC or zava_owner'
);
select is_empty(
    $$ select p.table_name, p.polname from policies as p
       where regexp_replace(
           p.expressions, '\( SELECT \(?zava\.\w+\(CURRENT_USER\)(\)\[1\])? AS \w+\)', '', 'g'
       ) ~ 'zava\.' $$,
    'policies call the kernel only inside a sub-select, which runs once a statement'
);
select is_empty(
    $$ select t.name from tables as t
       where t.nspname = 'retail' and t.relrowsecurity
           and t.oid not in (select x.oid from tenant_tables as x) $$,
    'the shared catalogue has no row-level security to be mistaken for isolation'
);
select is_empty(
    $$ select t.tgrelid::regclass, t.tgname from pg_catalog.pg_trigger as t
       join tables as r on r.oid = t.tgrelid
       where r.nspname = 'retail' and not t.tgisinternal $$,
    'no table of the shop has a trigger'
);

-- ---------------------------------------------------------------- roles and privileges

select is_empty(
    $$ select g.object, g.grantee::regrole, g.privilege_type from grants as g
       where g.kind = 'schema' and g.object = 'zava'
           and (g.grantee <> 'zava_service'::regrole or g.privilege_type <> 'USAGE') $$,
    'nobody but zava_service has USAGE on the kernel'
);
select is_empty(
    $$ select g.object, g.grantee::regrole from grants as g
       where g.kind = 'schema' and g.privilege_type = 'CREATE'
       union all
       select n.nspname, n.nspowner::regrole from ours as n where n.nspowner <> 'zava_owner'::regrole $$,
    'nobody but zava_owner creates in our schemas'
);
select is_empty(
    $$ select g.object from grants as g where g.grantee = 0 $$,
    'nothing of ours is granted to PUBLIC'
);
select is_empty(
    $$ select g.object, g.privilege_type from grants as g where g.grantee = 'zava_gateway'::regrole $$,
    'the gateway holds no grant'
);
select is_empty(
    $$ select m.roleid::regrole from pg_catalog.pg_auth_members as m
       where m.member = 'zava_gateway'::regrole
           and (m.inherit_option or m.admin_option or not m.set_option
               or m.roleid not in (
                   select t.oid from tenant_roles as t
                   where t.rolname not in (select c.rolname from classes as c)
                   union all
                   select 'zava_runner'::regrole
               )) $$,
    'the gateway is a member of tenant roles and of the runner only, and inherits from none'
);
select is_empty(
    $$ select g.object, g.privilege_type from grants as g
       where g.grantee = 'zava_service'::regrole and g.kind = 'relation'
       union all
       select m.roleid::regrole::text, 'member' from pg_catalog.pg_auth_members as m
       where m.member = 'zava_service'::regrole $$,
    'the service login uses the kernel through functions only'
);
select is_empty(
    $$ select r.rolname from pg_catalog.pg_roles as r
       where (r.rolname in ('zava_owner', 'zava_writer', 'zava_gateway', 'zava_service')
               or r.oid in (select t.oid from tenant_roles as t))
           and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication) $$,
    'no role of ours is above row-level security or makes roles'
);
select is_empty(
    $$ select t.rolname from tenant_roles as t where t.rolcanlogin
       union all
       select r.rolname from pg_catalog.pg_roles as r
       where r.rolname in ('zava_owner', 'zava_writer') and r.rolcanlogin $$,
    'nobody logs in as a tenant, the owner or the writer'
);
select is_empty(
    $$ select t.rolname, s.nspname from tenant_roles as t
       cross join pg_catalog.pg_namespace as s
       where s.nspname !~ '^pg_(temp|toast)' and has_schema_privilege(t.oid, s.oid, 'CREATE')
       union all
       select t.rolname, 'temporary objects' from tenant_roles as t
       where has_database_privilege(t.oid, current_database(), 'TEMP')
           or has_database_privilege(t.oid, current_database(), 'CREATE') $$,
    'tenants create nothing, not even temporary objects'
);
select is_empty(
    $$ select g.object, g.grantee::regrole, g.privilege_type from grants as g
       join tenant_roles as t on t.oid = g.grantee
       where g.kind = 'relation' and g.privilege_type <> 'SELECT' $$,
    'tenants hold no privilege on a table but SELECT'
);
select is_empty(
    $$ select g.object, t.rolname from grants as g
       join tenant_roles as t on t.oid = g.grantee
       where t.rolname not in (select c.rolname from classes as c)
           and (g.object, g.kind, g.privilege_type) <> ('api', 'schema', 'USAGE') $$,
    'the role of one tenant has its privileges from its class'
);
select is_empty(
    $$ select a.grantee, a.privilege_type from pg_catalog.pg_database as d
       cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
       where d.datname = current_database() and a.grantee <> d.datdba
           and (a.privilege_type <> 'CONNECT'
               or a.grantee not in ('zava_gateway'::regrole, 'zava_service'::regrole)) $$,
    'only the two logins connect to this database'
);

-- ---------------------------------------------------------------- the runner

select set_eq(
    $$ select format('%s, owner %s, %s%s', p.oid::regprocedure, p.proowner::regrole,
           case when p.prosecdef then 'definer ' end, array_to_string(p.proconfig, ' '))
       from pg_catalog.pg_proc as p where p.pronamespace = 'zava_run'::regnamespace $$,
    $$ select format('zava_run.%1$s(text), owner %1$s, definer search_path=retail, public, pg_temp', c.rolname)
       from classes as c $$,
    'the runner has one SECURITY DEFINER function for each class role, which owns it'
);
select is_empty(
    $$ select p.oid::regprocedure from pg_catalog.pg_proc as p
       where p.pronamespace = 'zava_run'::regnamespace
           and (p.provolatile <> 's' or obj_description(p.oid, 'pg_proc') is null) $$,
    'the runner is STABLE, so that it runs nothing but SELECT, and has comments'
);
select is_empty(
    $$ select p.oid::regprocedure::text, a.grantee::regrole from pg_catalog.pg_proc as p
       cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
       where p.pronamespace = 'zava_run'::regnamespace
           and a.grantee not in (p.proowner, 'zava_runner'::regrole)
       union all
       select n.nspname, a.grantee::regrole from pg_catalog.pg_namespace as n
       cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
       where n.nspname = 'zava_run'
           and (a.grantee, a.privilege_type) <> ('zava_runner'::regrole, 'USAGE') and a.grantee <> n.nspowner $$,
    'nobody but zava_runner calls the runner'
);
select set_eq(
    $$ select format('%s %s', g.object, g.privilege_type) from grants as g where g.grantee = 'zava_runner'::regrole
       union all
       select 'member of ' || m.roleid::regrole from pg_catalog.pg_auth_members as m where m.member = 'zava_runner'::regrole
       union all
       select 'login' from pg_catalog.pg_roles as r where r.rolname = 'zava_runner' and r.rolcanlogin $$,
    array['api USAGE', 'retail USAGE'],
    'zava_runner may name what stands in api and retail, and holds nothing else'
);

-- ---------------------------------------------------------------- tables

select is_empty(
    $$ select c.oid::regclass from pg_catalog.pg_class as c join ours as n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relowner <> 'zava_owner'::regrole $$,
    'zava_owner owns every table, view and sequence'
);
select is_empty(
    $$ select k.conrelid::regclass, k.conname
       from pg_catalog.pg_constraint as k
       join tables as t on t.oid = k.conrelid
       where k.contype = 'f'
           -- products leave the range by is_active and are not deleted
           and k.conname <> 'order_items_product_id_fkey'
           and not exists (
               select from pg_catalog.pg_index as i
               where i.indrelid = k.conrelid and i.indisvalid
                   and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\(\w+ IS NOT NULL\)$')
                   and (
                       select array_agg(u.attnum order by u.attnum)
                       from unnest(i.indkey::smallint[]) with ordinality as u (attnum, position)
                       where u.position <= cardinality(k.conkey)
                   ) = (select array_agg(u.attnum order by u.attnum) from unnest(k.conkey) as u (attnum))
           ) $$,
    'every foreign key has an index that starts with its columns'
);
select is_empty(
    $$ select k.conrelid::regclass, k.conname
       from pg_catalog.pg_constraint as k
       join tables as t on t.oid = k.conrelid
       where k.contype in ('p', 'u', 'f', 'c', 'x')
           and k.conname !~ ('^' || t.relname || case k.contype
               when 'p' then '_pkey$'
               when 'u' then '_.*[^0-9_]_key$'
               when 'f' then '_.*[^0-9_]_fkey$'
               when 'x' then '_.*[^0-9_]_excl$'
               else '_.*[^0-9_]_check$'
           end) $$,
    'every constraint has a name of its own'
);
select is_empty(
    $$ select t.name, w.attname from tables as t
       cross join (values ('created_at'), ('updated_at')) as w (attname)
       where t.nspname = 'retail'
           and not exists (
               select from pg_catalog.pg_attribute as a
               where a.attrelid = t.oid and a.attname = w.attname
                   and a.atttypid = 'timestamptz'::regtype and a.attnotnull
           ) $$,
    'every table of the shop has created_at and updated_at'
);
select is_empty(
    $$ select a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)
       from pg_catalog.pg_attribute as a
       join pg_catalog.pg_class as c on c.oid = a.attrelid
       join ours as n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
           and a.atttypid = any (array['varchar', 'bpchar', 'timestamp', 'timetz', 'money', 'real', 'double precision']::regtype[]) $$,
    'no column is a varchar, a timestamp without zone, money or a floating-point number'
);
select is_empty(
    $$ select t.name from tables as t where t.comment is null $$,
    'every table has a comment'
);
select is_empty(
    $$ select c.oid::regclass, a.attname from pg_catalog.pg_class as c
       join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relnamespace = 'api'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null) $$,
    'everything that can be selected from in api has a comment on each column'
);
select is_empty(
    $$ select c.oid::regclass from pg_catalog.pg_class as c
       join ours as n on n.oid = c.relnamespace
       where c.relkind = 'v'
           and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false) $$,
    'every view is a security_invoker view'
);
select is_empty(
    $$ select g.object, g.grantee::regrole from grants as g
       join pg_catalog.pg_class as c on c.relkind in ('m', 'f') and c.oid::regclass::text = g.object
       where g.kind = 'relation' $$,
    'no materialized view or foreign table is granted, for row-level security is not theirs'
);

select * from finish();
rollback;
