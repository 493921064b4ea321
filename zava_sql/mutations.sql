-- Weakenings of this very database, one a row: what a hurried colleague could do to it. Each is run
-- on a scratch copy by `zava-sql verify --mutate`, measured, and rolled back.
with tenant_tables as (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relname
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'retail' and c.relkind in ('r', 'p') and c.relrowsecurity
),
kernel_tables as (
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'zava' and c.relkind in ('r', 'p')
),
fences as (
    select p.polname, t.name as of_table
    from pg_catalog.pg_policy as p
    join tenant_tables as t on t.oid = p.polrelid
    where not p.polpermissive
),
context_functions as (
    select p.oid, p.oid::regprocedure::text as name, p.proname, pg_catalog.pg_get_functiondef(p.oid) as text
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'zava'::regnamespace and p.prosecdef and p.prosqlbody is null
)
select 'fence dropped' as kind, f.of_table as object,
    format('drop policy %I on %s', f.polname, f.of_table) as statement
from fences as f
union all
select 'fence opened', f.of_table, format('alter policy %I on %s using (true)', f.polname, f.of_table)
from fences as f
union all
select 'fence for somebody else', f.of_table,
    format('alter policy %I on %s to zava_service', f.polname, f.of_table)
from fences as f
union all
select 'security disabled', t.name, format('alter table %s disable row level security', t.name)
from tenant_tables as t
union all
select 'security not forced', t.name, format('alter table %s no force row level security', t.name)
from tenant_tables as t
union all
select 'policy for the owner', t.name,
    format('create policy mutation on %s to zava_owner using (true)', t.name)
from tenant_tables as t
union all
select 'policy for everybody', t.name, format('create policy mutation on %s using (true)', t.name)
from tenant_tables as t
union all
select 'granted to PUBLIC', t.name, format('grant select on %s to public', t.name)
from tenant_tables as t
union all
select 'writable', t.name, format('grant insert, update on %s to store_manager', t.name)
from tenant_tables as t
union all
select 'view of its owner', t.name, format(
    'create view api.mutation as select * from %s; grant select on api.mutation to store_manager', t.name
)
from tenant_tables as t
union all
select 'materialized view', t.name, format(
    'create materialized view api.mutation as select * from %s; grant select on api.mutation to head_office',
    t.name
)
from tenant_tables as t
union all
select 'copied', t.name, format(
    'create table retail.mutation as table %s; grant select on retail.mutation to store_manager', t.name
)
from tenant_tables as t
union all
select 'copied behind a closed schema', t.name, format(
    'create schema mutation; create table mutation.t as table %s; grant select on mutation.t to store_manager;'
    'create view api.mutation with (security_invoker) as table mutation.t;'
    'grant select on api.mutation to store_manager', t.name
)
from tenant_tables as t
union all
select 'fence that asks nobody', f.of_table,
    format('alter policy %I on %s using (store_id is not null)', f.polname, f.of_table)
from fences as f
union all
select 'kernel table opened', k.name, format(
    'grant usage on schema zava to store_manager; grant select on %1$s to store_manager;'
    'alter table %1$s disable row level security', k.name
)
from kernel_tables as k
union all
select 'search_path unpinned', f.name, format('alter function %s reset search_path', f.name)
from context_functions as f
union all
select 'function of a superuser', f.name, format('alter function %s owner to %I', f.name, current_user)
from context_functions as f
union all
select 'function for PUBLIC', f.name, format('grant execute on function %s to public', f.name)
from context_functions as f
union all
-- The kernel itself, a condition at a time.
select c.kind, f.name, replace(f.text, c.condition, c.without)
from context_functions as f
join (
    values
        ('signature not checked', 'verify_context', 'if sha256(', 'if true or sha256('),
        ('expiry not checked', 'verify_context', 'if v_part[6]::bigint <=', 'if false and v_part[6]::bigint <='),
        ('backend not checked', 'verify_context', 'and v_part[5] in (', 'and v_part[5] not in ('''') or v_part[5] in ('),
        ('disabled principals let in', 'verify_context', 'if not v_found.active', 'if false'),
        ('all stores for everybody', 'verify_context', 'where ps.principal_id = p.principal_id', 'where true')
) as c (kind, function, condition, without) on c.function = f.proname
union all
select m.kind, m.object, m.statement
from (
    values
        ('head office for everybody', 'zava.is_head_office',
            'create or replace function zava.is_head_office(p_role name) returns boolean language sql'
            ' stable parallel restricted security definer set search_path = pg_catalog, pg_temp return true'),
        ('function of its owner', 'api',
            'create function api.mutation() returns bigint language sql stable security definer'
            ' set search_path = pg_catalog, pg_temp as ''select count(*) from retail.orders'';'
            ' grant execute on function api.mutation() to store_manager'),
        ('tenants create objects', 'api', 'grant create on schema api to store_manager'),
        ('temporary objects', current_database()::text,
            format('grant temporary on database %I to public', current_database())),
        ('data of all', 'store_manager', 'grant pg_read_all_data to store_manager with inherit true'),
        ('above row-level security', 'store_manager', 'alter role store_manager bypassrls'),
        ('class changed', 'head_office', 'grant head_office to store_manager with inherit true'),
        ('gateway inherits', 'zava_gateway', 'grant store_manager to zava_gateway with inherit true'),
        ('gateway becomes the owner', 'zava_gateway',
            'grant zava_owner to zava_gateway with inherit false, set true'),
        ('new tables open', 'retail',
            'alter default privileges for role zava_owner in schema retail grant select on tables to public'),
        ('runner for tenants', 'zava_run', 'grant execute on function zava_run.head_office(text) to store_manager'),
        ('runner of the owner', 'zava_run', 'alter function zava_run.head_office(text) owner to zava_owner'),
        ('writer behind the kernel', 'zava',
            'create function zava.mutation() returns bigint language sql stable security definer'
            ' set search_path = pg_catalog, pg_temp as ''select count(*) from retail.orders'';'
            ' alter function zava.mutation() owner to zava_writer;'
            ' revoke execute on function zava.mutation() from public;'
            ' grant execute on function zava.mutation() to store_manager'),
        ('samples of all', 'pg_statistic', 'grant select on pg_catalog.pg_statistic to store_manager'),
        ('leakproof by order', 'textregexeq', 'alter function pg_catalog.textregexeq(text, text) leakproof'),
        ('set_config open', 'set_config',
            'grant execute on function pg_catalog.set_config(text, text, boolean) to public'),
        ('estimates open', 'pg_class', 'grant select on pg_catalog.pg_class to public')
) as m (kind, object, statement)
-- On a database that was never hardened these are no news.
where m.object not in ('set_config', 'pg_class')
    or not has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute')
