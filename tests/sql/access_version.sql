-- The version of a principal's access, under which answers are kept: another one after every change
-- of what decides what it may see, and none once it may see nothing.
begin;
select plan(71);

-- ---------------------------------------------------------------- arrange

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select md5(k.store_key)::uuid, k.store_key, k.store_key, 'V', 0.1, '2020-01-01'
from (values ('version_a'), ('version_b')) as k (store_key);
select zava.create_principal('version-region', 'region', array['version_a'], md5('version')::uuid);
select zava.create_principal('version-other', 'store', array['version_b'], md5('other')::uuid);
select zava.create_principal('version-twin', 'store', array['version_b'], md5('twin')::uuid);
select zava.create_signing_key(k.kid, decode(repeat('36', 64), 'hex'), decode(repeat('5c', 64), 'hex'))
from (values ('versionone'), ('versiontwo'), ('versionold')) as k (kid);
select zava.retire_signing_key('versionold');
select zava._audit_partition('1990-01-01 00:00Z');  -- of the first the log itself is told

create function pg_temp.version(p_kid text default 'versionone')
returns text
language sql
as $function$
    select zava.access_version(md5('version')::uuid, p_kid);
$function$;

-- Each change is a transaction of its own, as far as the numbers of transactions tell.
create function pg_temp.version_after(p_change text)
returns text
language plpgsql
as $function$
begin
    begin
        execute p_change;
    exception
        when assert_failure then  -- for a block that catches nothing is none of its own
            raise;
    end;
    return pg_temp.version();
end;
$function$;

create temporary table seen (number integer, change text, version text);

-- ---------------------------------------------------------------- none

select is(zava.access_version(md5('nobody')::uuid, 'versionone'), null, 'nobody has no version');
select is(pg_temp.version('versionnone'), null, 'nor is there one without a signing key');
select is(pg_temp.version('versionold'), null, 'nor with a key that is retired');
select matches(pg_temp.version(), '^[0-9a-f]{64}$', 'who may see something has one');
select is(pg_temp.version(), pg_temp.version(), 'the same as long as nothing changes');
select isnt(pg_temp.version(), pg_temp.version('versiontwo'), 'another one with another key');
select isnt(
    zava.access_version(md5('other')::uuid, 'versionone'), zava.access_version(md5('twin')::uuid, 'versionone'),
    'and for another principal of the same store, though both were made at once'
);

-- ---------------------------------------------------------------- another one

insert into seen values (0, 'at first', pg_temp.version());

-- Each row counts by itself, also where the triggers that count changes are off.
set local session_replication_role = replica;
insert into seen
select c.number, c.change, pg_temp.version_after(c.statement)
from (
    values
        (1, 'a store is given', $$ insert into zava.principal_stores values (md5('version')::uuid, md5('version_b')::uuid) $$),
        (2, 'a store is taken', $$ delete from zava.principal_stores where store_id = md5('version_b')::uuid and principal_id = md5('version')::uuid $$),
        (3, 'the principal is edited', $$ update zava.principals set updated_at = now() where name = 'version-region' $$),
        (4, 'the key is edited', $$ update zava.signing_keys set not_after = not_after where kid = 'versionone' $$)
) as c (number, change, statement)
order by c.number;
reset session_replication_role;

insert into seen
select c.number, c.change, pg_temp.version_after(c.statement)
from (
    values
        (5, 'another principal is disabled', $$ select zava.disable_principal('version-other') $$),
        (6, 'the role joins another', $$ grant store_manager to zava_region_version_region $$),
        (7, 'and leaves it', $$ revoke store_manager from zava_region_version_region $$),
        (8, 'a schema is closed', $$ revoke usage on schema retail from regional_manager $$),
        (9, 'a schema is opened', $$ grant usage on schema retail to regional_manager $$),
        (10, 'a table is closed', $$ revoke select on retail.products from regional_manager $$),
        (11, 'a table is opened', $$ grant select on retail.products to regional_manager $$),
        (12, 'a column is opened', $$ grant select (first_name) on retail.customers to zava_region_version_region $$),
        (13, 'and to another', $$ grant select (first_name) on retail.customers to regional_manager $$),
        (14, 'a column is closed', $$ revoke select (first_name) on retail.customers from zava_region_version_region $$),
        (15, 'row-level security is switched off', $$ alter table retail.orders disable row level security $$),
        (16, 'row-level security is switched on', $$ alter table retail.orders enable row level security $$),
        (17, 'a policy is edited', $$ alter policy orders_regional_manager_select on retail.orders using (false) $$),
        (18, 'a policy is dropped', $$ drop policy orders_regional_manager_select on retail.orders $$),
        (19, 'a function is made', $$ create function api.version_of_mine() returns integer language sql begin atomic select 1; end $$),
        (20, 'a function is replaced', $$ create or replace function api.version_of_mine() returns integer language sql begin atomic select 2; end $$),
        (21, 'a function is closed', $$ revoke execute on function api.version_of_mine() from public $$),
        (22, 'a function of the kernel is replaced', $$ alter function zava.visible_stores(name) cost 99 $$),
        (23, 'a view is made', $$ create view api.version_view as select 1 as x $$),
        (24, 'a view is replaced', $$ create or replace view api.version_view as select 2 as x $$),
        (25, 'the role is above row-level security', $$ alter role zava_region_version_region bypassrls $$),
        (26, 'and is not', $$ alter role zava_region_version_region nobypassrls $$),
        (27, 'its class is above everything', $$ alter role regional_manager superuser $$),
        (28, 'and is not any more', $$ alter role regional_manager nosuperuser $$),
        (29, 'the role does not inherit', $$ alter role zava_region_version_region noinherit $$),
        (30, 'the role inherits', $$ alter role zava_region_version_region inherit $$),
        (31, 'nor from its class', $$ grant regional_manager to zava_region_version_region with inherit false $$),
        (32, 'the log is another', $$ update zava.audit_head set chain_id = gen_random_uuid() $$),
        (33, 'a table of the kernel is opened', $$ grant select on zava.principals to regional_manager $$),
        (34, 'a table in parts is closed', $$ revoke select on retail.product_embeddings from regional_manager $$),
        -- Tables of one's own stay where they are, and views of api show them.
        (35, 'a schema is made', $$ create schema version_own $$),
        (36, 'a table of it is made', $$ create table version_own.visits (store_id uuid) $$),
        (37, 'and fenced', $$ alter table version_own.visits enable row level security $$),
        (38, 'a column of it is opened', $$ grant select (store_id) on version_own.visits to regional_manager $$),
        (39, 'a function is made there', $$ create function version_own.f() returns integer language sql begin atomic select 1; end $$),
        (40, 'and replaced', $$ create or replace function version_own.f() returns integer language sql begin atomic select 2; end $$)
) as c (number, change, statement)
order by c.number;
select isnt(s.version, o.version, 'another version once ' || s.change)
from seen as s
join seen as o on o.number = s.number - 1
order by s.number;
select is_empty(
    $$ select s.change from seen as s where s.version is null $$, 'and all of them are versions'
);
-- Of roles PostgreSQL keeps nothing that would tell.
select is(
    count(distinct s.version), count(*), 'none of which was there before, though it is taken back'
)
from seen as s
where s.number between 8 and 24 or s.number > 31;

-- ---------------------------------------------------------------- the same

select is(
    pg_temp.version_after(
        $$ insert into retail.categories (category_id, name) values (md5('version')::uuid, 'version') $$
    ),
    pg_temp.version(), 'rows change no access'
);
select is(
    pg_temp.version_after($$ create temporary table version_of_mine () $$),
    (select s.version from seen as s where s.number = 40),
    'nor does what is in no schema of ours'
);
select is(
    pg_temp.version_after(
        $$ select zava._audit_partition('1991-01-01 00:00Z') $$
    ),
    (select s.version from seen as s where s.number = 40),
    'nor a part of the log, which comes by itself'
);

-- ---------------------------------------------------------------- each change is counted

-- By whatever statement, of no row as well. TRUNCATE of principals takes their stores and keys along.
create function pg_temp.changes(p_change text)
returns integer
language plpgsql
as $function$
declare
    v_before bigint := (select a.number from zava.access_changes as a);
begin
    execute p_change;
    raise exception using message = (select a.number - v_before from zava.access_changes as a);
exception
    when raise_exception then
        return sqlerrm;
end;
$function$;
set local client_min_messages = warning;
select is(
    pg_temp.changes(format(c.statement, t.name, t.key)),
    case when c.change = 'truncate' then t.truncated else 1 end,
    format('%s of %s is counted', c.change, t.name)
)
from (
    values
        ('principals', 'principal_id', 3), ('principal_stores', 'principal_id', 1), ('api_keys', 'key_id', 1),
        ('signing_keys', 'kid', 1)
) as t (name, key, truncated)
cross join (
    values
        ('insert', 'insert into zava.%1$I table zava.%1$I limit 0'),
        ('update', 'update zava.%1$I set %2$I = %2$I where false'),
        ('delete', 'delete from zava.%1$I where false'),
        ('truncate', 'truncate zava.%1$I cascade')
) as c (change, statement)
order by t.name, c.change;
reset client_min_messages;

-- ---------------------------------------------------------------- and none at the end

select is(
    pg_temp.version_after($$ select zava.disable_principal('version-region') $$), null,
    'who is disabled has none'
);
select isnt(
    pg_temp.version_after($$ select zava.enable_principal('version-region') $$), null,
    'who is enabled again has one'
);
select is_empty(
    $$ select s.change from seen as s where s.version = pg_temp.version() $$,
    'but none of those that were'
);

select * from finish();
rollback;
