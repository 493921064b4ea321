-- Who can be registered, and the shape of the roles that this makes.
begin;
select plan(67);

-- ---------------------------------------------------------------- arrange

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select gen_random_uuid(), k.store_key, k.store_key, 'P', 0.1, '2020-01-01'
from (
    values ('person_a'), ('person_b'), ('person_moved'), (rpad('person_', 40, 'x'))
) as k (store_key);
\ir shared/context.sql

-- Store keys seen in the role of a principal under the context of the same one, or of another.
create function pg_temp.stores_of(p_role text, p_name text)
returns text
language plpgsql
as $function$
declare
    v_stores text;
begin
    perform set_config('zava.context', pg_temp.context(p_name), true);
    execute format('set local role %I', p_role);
    select string_agg(s.store_key, ' ' order by s.store_key)
    into v_stores
    from retail.stores as s
    where s.store_key like 'person%';
    reset role;
    return v_stores;
end;
$function$;

create function pg_temp.membership(p_member text, p_role text)
returns text
language sql
as $function$
    select format('inherit %s, set %s, admin %s', m.inherit_option, m.set_option, m.admin_option)
    from pg_auth_members as m
    where m.member = p_member::regrole and m.roleid = p_role::regrole;
$function$;

-- ---------------------------------------------------------------- what is made

select is(zava.create_principal('person-a', 'store', array['person_a']), 'zava_store_person_a',
    'the role of a store is named after the store');
select is(zava.create_principal('person-deputy', 'store', array['person_a']), 'zava_store_person_a',
    'a second principal of a store shares its role');
select is(zava.create_principal('person-b', 'store', array['person_b'], md5('b')::uuid), 'zava_store_person_b',
    'an id may be given');
select is(zava.create_principal('person-north-west', 'region', array['person_a', 'person_b']),
    'zava_region_person_north_west', 'the role of a region is named after the principal');
-- As somebody may have made it by hand.
create role zava_region_person_single;
grant regional_manager to zava_region_person_single;
grant zava_region_person_single to zava_gateway with inherit true;
select is(zava.create_principal('person-single', 'region', array['person_b']),
    'zava_region_person_single', 'a region may have one store');
select is(zava.create_principal('person-head', 'head'), 'zava_head_office',
    'head office has one role');
select is(zava.create_principal(rpad('p', 40, 'x'), 'region', array['person_a']),
    ('zava_region_' || rpad('p', 40, 'x'))::name, 'a name of 40 characters is not cut');
select is(zava.create_principal('person-long', 'store', array[rpad('person_', 40, 'x')]),
    ('zava_store_' || rpad('person_', 40, 'x'))::name, 'nor is a store key of 40');
select zava.create_principal('person-moved', 'store', array['person_moved']);

select results_eq(
    $$ select p.name, p.kind, p.active from zava.principals as p where p.name like 'person-%' order by p.name $$,
    $$ values
        ('person-a', 'store', true), ('person-b', 'store', true), ('person-deputy', 'store', true),
        ('person-head', 'head', true), ('person-long', 'store', true), ('person-moved', 'store', true),
        ('person-north-west', 'region', true), ('person-single', 'region', true) $$,
    'each principal is kept with its kind and is active'
);
select is(
    (select p.principal_id from zava.principals as p where p.name = 'person-b'), md5('b')::uuid,
    'the id that was given is kept'
);
select results_eq(
    $$ select p.name, count(ps.store_id)
       from zava.principals as p left join zava.principal_stores as ps using (principal_id)
       where p.name like 'person-%' group by p.name order by p.name $$,
    $$ values
        ('person-a', 1::bigint), ('person-b', 1), ('person-deputy', 1), ('person-head', 0),
        ('person-long', 1), ('person-moved', 1), ('person-north-west', 2), ('person-single', 1) $$,
    'each has its stores, head office none'
);

-- ---------------------------------------------------------------- the shape of the roles

select is(
    (select format('login %s, inherit %s, super %s, bypass %s, createrole %s, createdb %s, replication %s',
        r.rolcanlogin, r.rolinherit, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication)
     from pg_roles as r where r.rolname = n.role),
    'login f, inherit t, super f, bypass f, createrole f, createdb f, replication f',
    n.role || ' cannot log in and has no attribute of power'
)
from (
    values ('zava_store_person_a'), ('zava_region_person_north_west'), ('zava_head_office')
) as n (role);
select is(
    pg_temp.membership(n.role, n.class), 'inherit t, set f, admin f',
    format('%s has what %s has, but cannot become it', n.role, n.class)
)
from (
    values
        ('zava_region_person_single', 'regional_manager'),
        ('zava_store_person_a', 'store_manager'),
        ('zava_region_person_north_west', 'regional_manager'),
        ('zava_head_office', 'head_office')
) as n (role, class);
select is(
    pg_temp.membership('zava_gateway', n.role), 'inherit f, set t, admin f',
    'the gateway can become ' || n.role || ', but has nothing of it before'
)
from (
    values ('zava_store_person_a'), ('zava_region_person_north_west'), ('zava_region_person_single'),
        ('zava_head_office')
) as n (role);
select is_empty(
    format(
        'select m.roleid::regrole from pg_auth_members as m where m.member = %L::regrole and m.roleid <> %L::regrole',
        n.role, n.class
    ),
    n.role || ' is a member of its class alone'
)
from (
    values
        ('zava_store_person_a', 'store_manager'),
        ('zava_region_person_north_west', 'regional_manager'),
        ('zava_head_office', 'head_office')
) as n (role, class);
select is_empty(
    $$ select r.rolname from pg_roles as r
       where r.rolname ~ '^zava_(store|region)_' and pg_has_role('zava_service', r.oid, 'member') $$,
    'the service login can become no tenant'
);
select is_empty(
    $$ select m.member::regrole from pg_auth_members as m
       join pg_roles as r on r.oid = m.roleid
       where r.rolname in ('zava_store_person_a', 'zava_region_person_north_west')
           and m.member <> 'zava_gateway'::regrole and not m.admin_option $$,
    'nobody but the gateway can become a tenant'
);

-- ---------------------------------------------------------------- a role is not an identity

select is(pg_temp.stores_of('zava_store_person_a', 'person-a'), 'person_a',
    'a principal sees its store');
select is(pg_temp.stores_of('zava_store_person_a', 'person-deputy'), 'person_a',
    'so does the other principal of that store');
select zava.disable_principal('person-deputy');
select throws_ok($$ select pg_temp.stores_of('zava_store_person_a', 'person-deputy') $$, 'ZA003',
    'the principal of this context is disabled', 'disabling one of two shuts out that one');
select is(pg_temp.stores_of('zava_store_person_a', 'person-a'), 'person_a',
    'and not the other: each needs its own context');
select is(pg_temp.stores_of('zava_store_person_b', 'person-a'), null,
    'a context of one store is void in the role of another');
select is(pg_temp.stores_of('zava_region_person_north_west', 'person-north-west'), 'person_a person_b',
    'a region sees its list');
select is(pg_temp.stores_of('zava_region_person_single', 'person-single'), 'person_b',
    'a region of one store sees that one');
select zava.enable_principal('person-deputy');
select is(pg_temp.stores_of('zava_store_person_a', 'person-deputy'), 'person_a',
    'a principal that is enabled again sees its store again');

-- ---------------------------------------------------------------- what is refused

-- A store that bears the key of another from now on.
update retail.stores as s set store_key = 'person_away' where s.store_key = 'person_moved';
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values (gen_random_uuid(), 'person_moved', 'P', 'P', 0.1, '2020-01-01');

create temporary table refusals as
select r.statement, r.sqlstate, r.why
from (
    values
        ($$ 'Person', 'store', array['person_a'] $$, '22023', 'a name with a capital'),
        ($$ '1person', 'store', array['person_a'] $$, '22023', 'a name that begins with a digit'),
        ($$ 'per son', 'store', array['person_a'] $$, '22023', 'a name with a blank'),
        ($$ 'person"', 'store', array['person_a'] $$, '22023', 'a name with a quote'),
        ($$ e'person\n', 'store', array['person_a'] $$, '22023', 'a name that ends in a newline'),
        ($$ '', 'store', array['person_a'] $$, '22023', 'an empty name'),
        ($$ null, 'store', array['person_a'] $$, '22023', 'no name'),
        ($$ rpad('p', 41, 'x'), 'store', array['person_a'] $$, '22023', 'a name of 41 characters'),
        ($$ 'person-new', 'boss', '{}' $$, '22023', 'an unknown kind'),
        ($$ 'person-new', null, '{}' $$, '22023', 'no kind'),
        ($$ 'person-new', 'store', '{}' $$, '22023', 'a store principal without a store'),
        ($$ 'person-new', 'store', array['person_a', 'person_b'] $$, '22023', 'a store principal of two stores'),
        ($$ 'person-new', 'store', null $$, '22023', 'a store principal whose stores are null'),
        ($$ 'person-new', 'store', array[null] $$, '22023', 'a store principal of a store that is null'),
        ($$ 'person-new', 'region', '{}' $$, '22023', 'a region without a store'),
        ($$ 'person-new', 'region', null $$, '22023', 'a region whose stores are null'),
        ($$ 'person-new', 'region', array['person_a', null] $$, '22023', 'a region with a store that is null'),
        ($$ 'person-new', 'head', array['person_a'] $$, '22023', 'a head office with a store'),
        ($$ 'person-new', 'store', array['person_none'] $$, '22023', 'an unknown store'),
        ($$ 'person-a', 'store', array['person_b'] $$, '23505', 'a name that is taken'),
        ($$ 'person_north-west', 'region', array['person_a'] $$, '23505', 'a region whose role another has'),
        ($$ 'person-new', 'store', array['person_moved'] $$, '23505', 'a store whose role another store has'),
        ($$ 'person-new', 'store', array['person_b'], md5('b')::uuid $$, '23505', 'an id that is taken')
) as r (statement, sqlstate, why);
select throws_ok(format('select zava.create_principal(%s)', r.statement), r.sqlstate, null, 'refused: ' || r.why)
from refusals as r;
select throws_ok(
    $$ select zava._create_tenant_role('zava_store_' || repeat('x', 53), 'store_manager') $$, '42622',
    null, 'refused: a role name of 64 bytes, which PostgreSQL would cut'
);
select is_empty(
    $$ select r.rolname from pg_roles as r where r.rolname ~ '^zava_(store_person_none|region_person_new|store_xxx)' $$,
    'what was refused has left no role behind'
);
select lives_ok(
    $$ select zava._create_tenant_role('zava_store_' || repeat('x', 52), 'store_manager') $$,
    'a role name of 63 bytes is as long as one can be'
);
select throws_ok(
    format('select zava.%s_principal(%L)', v.verb, 'person-nobody'), 'P0002',
    'unknown principal: ''person-nobody''', format('nobody unknown is %sd', v.verb)
)
from (values ('enable'), ('disable')) as v (verb);
select throws_ok(
    $$ select zava.revoke_api_key('00000000-0000-4000-8000-000000000000') $$, 'P0002',
    'unknown key: 00000000-0000-4000-8000-000000000000', 'nobody is told that an unknown key was revoked'
);

-- ---------------------------------------------------------------- by whom

-- By an administrator who is no superuser and, at first, may grant no class.
create role person_dba createrole;
grant zava_owner, zava_writer to person_dba;
create function pg_temp.made_by_dba(p_name text, p_store text)
returns text
language plpgsql
as $function$
declare
    v_role text;
begin
    set local role person_dba;
    v_role := zava.create_principal(p_name, 'store', array[p_store]);
    reset role;
    return v_role;
end;
$function$;
select is(
    pg_temp.made_by_dba('person-third', 'person_a'), 'zava_store_person_a',
    'whoever did not make a role registers others of it: nothing is granted again'
);
grant store_manager to person_dba with admin true, inherit false, set false;
insert into retail.stores (store_key, name, city, tax_rate, opened_on)
values ('dba_store', 'D', 'D', 0.1, '2020-01-01');
set local createrole_self_grant = 'set, inherit';
select is(
    pg_temp.made_by_dba('person-of-dba', 'dba_store'), 'zava_store_dba_store', 'and makes one that is missing'
);
select is_empty(
    $$ select from pg_auth_members as m
       where m.member = 'person_dba'::regrole and m.roleid = 'zava_store_dba_store'::regrole
           and (m.inherit_option or m.set_option) $$,
    'without being held to its rows, whatever createrole_self_grant says'
);

select * from finish();
rollback;
