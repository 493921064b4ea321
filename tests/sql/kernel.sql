-- The signed context: what opens, and that everything else is as good as none.
begin;
select plan(193);

-- ---------------------------------------------------------------- arrange

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'kernel_' || n, n, 'Kernel', 0.1, '2020-01-01'
from unnest(array['a', 'b']) as n;
insert into retail.categories (category_id, name) values (md5('kernel')::uuid, 'kernel');
insert into retail.product_types (type_id, category_id, name)
values (md5('kernel')::uuid, md5('kernel')::uuid, 'kernel');
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
values (md5('kernel')::uuid, 'kernel', 'k', 'k', md5('kernel')::uuid, md5('kernel')::uuid, 1);
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select s.store_id, s.store_id, 'K', 'K', 'k@example.com', 'K', '2020-01-01' from retail.stores as s;
insert into retail.inventory (store_id, product_id, price, unit_cost)
select s.store_id, p.product_id, 1, 1 from retail.stores as s cross join retail.products as p;
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select i.store_id, i.product_id, '2020-01-01', 'opening', 1 from retail.inventory as i;
insert into retail.orders (store_id, order_id, order_date, total_amount)
select s.store_id, s.store_id, '2020-01-01', 1 from retail.stores as s;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select o.store_id, o.order_id, 1, md5('kernel')::uuid, o.order_date, 1, 1, 1, 1
from retail.orders as o;

select zava.create_principal('kernel-' || n, 'store', array['kernel_' || n], md5('kernel-' || n)::uuid)
from unnest(array['a', 'b']) as n;
select zava.create_principal('kernel-off', 'store', array['kernel_b'], md5('kernel-off')::uuid);
select zava.disable_principal('kernel-off');
select zava.create_principal(
    'kernel-region', 'region', array['kernel_a', 'kernel_b'], md5('kernel-region')::uuid
);
select zava.create_principal('kernel-head', 'head', '{}', md5('kernel-head')::uuid);

-- Keys whose 32 bytes are all alike, so that their pads can be written down.
select zava.create_signing_key(
    k.kid,
    decode(repeat(k.ipad, 32) || repeat('36', 32), 'hex'),
    decode(repeat(k.opad, 32) || repeat('5c', 32), 'hex')
)
from (
    values ('kernelone', '5d', '37'), ('kerneltwo', '5a', '30'), ('kernelold', '59', '33')
) as k (kid, ipad, opad);
select zava.retire_signing_key('kernelold');

create function pg_temp.sign(p_body text, p_ipad text default '5d', p_opad text default '37')
returns text
language sql
as $function$
    select p_body || '.' || encode(sha256(
        decode(repeat(p_opad, 32) || repeat('5c', 32), 'hex')
        || sha256(decode(repeat(p_ipad, 32) || repeat('36', 32), 'hex') || convert_to(p_body, 'UTF8'))
    ), 'hex');
$function$;

create function pg_temp.body(
    p_name text,
    p_version text default '1',
    p_kid text default 'kernelone',
    p_id text default null,
    p_role text default null,
    p_pid text default pg_backend_pid()::text,
    p_expiry text default (extract(epoch from clock_timestamp())::bigint + 600)::text
)
returns text
language sql
as $function$
    select concat_ws('.', p_version, p_kid, coalesce(p_id, p.principal_id::text),
        coalesce(p_role, p.role_name::text), p_pid, p_expiry)
    from zava.principals as p
    where p.name = p_name;
$function$;

-- The answer to a query of a role under a context, or the SQLSTATE.
create function pg_temp.ask(p_role text, p_context text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_answer text;
begin
    perform set_config('zava.context', p_context, true);
    execute format('set local role %I', p_role);
    execute p_query into v_answer;
    reset role;
    return v_answer;
exception
    when others then
        return 'error ' || sqlstate;
end;
$function$;

-- Rows of all tables with row-level security that a role sees; 6 of each store are there.
create temporary table probe as
select 'select ' || string_agg(format('(select count(*) from %s)', c.oid::regclass), ' + ') as query
from pg_class as c
where c.relnamespace = 'retail'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity;

create function pg_temp.seen(p_role text, p_context text)
returns text
language sql
as $function$
    select pg_temp.ask(p_role, p_context, p.query) from probe as p;
$function$;

-- The same when the tenant itself sets the context inside one SELECT, from its own valid one.
create function pg_temp.seen_by_set_config(p_role text, p_context text)
returns text
language sql
as $function$
    select pg_temp.ask(
        'zava_store_kernel_a',
        pg_temp.sign(pg_temp.body('kernel-a')),
        format(
            'with moved as materialized (select set_config(''zava.context'', %L, true), set_config(''role'', %L, true)) '
            'select (%s) from moved', p_context, p_role, p.query
        )
    )
    from probe as p;
$function$;

create temporary table actors as
select
    'zava_store_kernel_a' as a,
    'zava_store_kernel_b' as b,
    pg_temp.sign(pg_temp.body('kernel-a')) as of_a,
    pg_temp.sign(pg_temp.body('kernel-b')) as of_b,
    pg_temp.sign(pg_temp.body('kernel-region')) as of_region,
    pg_temp.sign(pg_temp.body('kernel-head')) as of_head,
    pg_backend_pid()::text as pid,
    has_function_privilege('store_manager', 'set_config(text, text, boolean)', 'execute') as has_vehicle;

-- The fullwidth zero, a Cyrillic letter, a zero-width joiner and a no-break space are written as
-- escapes, so that they can be seen.
create temporary table forgeries as
select f.name, f.role, f.context
from actors as t
cross join lateral (
    values
        -- What an attacker makes of a context of his own.
        ('the payload of another tenant under my signature', t.b, pg_temp.body('kernel-b') || '.' || right(t.of_a, 64)),
        ('the payload of head office under my signature', 'zava_head_office', pg_temp.body('kernel-head') || '.' || right(t.of_a, 64)),
        ('the payload of a region under my signature', 'zava_region_kernel_region', pg_temp.body('kernel-region') || '.' || right(t.of_a, 64)),
        ('my context under the role of another tenant', t.b, t.of_a),
        ('my context with the role replaced', t.b, replace(t.of_a, t.a, t.b)),
        ('my context with the principal replaced', t.a, replace(t.of_a, md5('kernel-a')::uuid::text, md5('kernel-b')::uuid::text)),
        ('a signature cut by one digit', t.b, left(t.of_b, -1)),
        ('a signature cut to its first half', t.b, left(t.of_b, -32)),
        ('a signature of zeros', t.b, pg_temp.body('kernel-b') || '.' || repeat('0', 64)),
        ('a signature of blanks', t.b, pg_temp.body('kernel-b') || '.' || repeat(' ', 64)),
        ('a signature in upper case', t.b, left(t.of_b, -64) || upper(right(t.of_b, 64))),
        ('a signature with its last digit changed', t.b, left(t.of_b, -1) || translate(right(t.of_b, 1), '0123456789abcdef', '123456789abcdef0')),
        ('a signature with its first digit changed', t.b, left(t.of_b, -64) || translate(left(right(t.of_b, 64), 1), '0123456789abcdef', '123456789abcdef0') || right(t.of_b, 63)),
        ('a signature with a digit too many', t.b, t.of_b || '0'),
        ('no signature behind the last dot', t.b, left(t.of_b, -64)),
        ('no signature at all', t.b, left(t.of_b, -65)),
        ('a signature in front of the payload', t.b, right(t.of_b, 64) || '.' || left(t.of_b, -65)),
        ('a later expiry under an old signature', t.b, pg_temp.body('kernel-b', p_expiry => '99999999999') || '.' || right(t.of_b, 64)),
        ('pid 0 put into a context of another pid', t.b, pg_temp.body('kernel-b', p_pid => '0') || '.' || right(pg_temp.sign(pg_temp.body('kernel-b', p_pid => '1')), 64)),
        ('the length extension of the outer hash', t.b, pg_temp.body('kernel-b') || '.' || encode(sha256(
            decode(repeat('37', 32) || repeat('5c', 32), 'hex')
            || sha256(decode(repeat('5d', 32) || repeat('36', 32), 'hex') || convert_to(pg_temp.body('kernel-b'), 'UTF8'))
            || decode('80' || repeat('00', 29) || '0300', 'hex') || convert_to('.0', 'UTF8')), 'hex')),
        ('SHA-256 of the payload without a key', t.b, pg_temp.body('kernel-b') || '.' || encode(sha256(convert_to(pg_temp.body('kernel-b'), 'UTF8')), 'hex')),
        ('SHA-256 twice without a key', t.b, pg_temp.body('kernel-b') || '.' || encode(sha256(sha256(convert_to(pg_temp.body('kernel-b'), 'UTF8'))), 'hex')),
        ('the empty key', t.b, pg_temp.sign(pg_temp.body('kernel-b'), '36', '5c')),
        ('a wrong key', t.b, pg_temp.sign(pg_temp.body('kernel-b'), '11', '7b')),
        ('inner and outer pad exchanged', t.b, pg_temp.sign(pg_temp.body('kernel-b'), '37', '5d')),
        ('an unknown key id', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_kid => 'nokey'))),
        ('an empty key id', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_kid => ''))),
        ('the id of another living key', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_kid => 'kerneltwo'))),
        ('the id of a retired key', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_kid => 'kernelold'))),
        -- Signed with a good key: each of these is stopped by one check alone.
        ('the pid of another backend', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_pid => '1'))),
        ('an empty pid', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_pid => ''))),
        ('a pid with a leading zero', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_pid => '0' || t.pid))),
        ('a pid of two zeros', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_pid => '00'))),
        ('a pid that is a fullwidth zero', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_pid => U&'\FF10'))),
        ('version 2', t.b, pg_temp.sign(pg_temp.body('kernel-b', '2'))),
        ('version 01', t.b, pg_temp.sign(pg_temp.body('kernel-b', '01'))),
        ('no version', t.b, pg_temp.sign(pg_temp.body('kernel-b', ''))),
        ('a context of one tenant in the role of another', t.a, t.of_b),
        ('a context of head office in the role of a store', t.a, t.of_head),
        ('a context of a store in the role of head office', 'zava_head_office', t.of_a),
        ('a context of a region in the role of head office', 'zava_head_office', t.of_region),
        ('a principal whose role is another', t.b, pg_temp.sign(pg_temp.body('kernel-a', p_role => t.b))),
        ('a store principal under the class role of head office', 'head_office', pg_temp.sign(pg_temp.body('kernel-a', p_role => 'head_office'))),
        ('a context of the class role in the role of the scope', t.a, pg_temp.sign(pg_temp.body('kernel-a', p_role => 'store_manager'))),
        ('a context of the scope in the class role', 'store_manager', t.of_a),
        ('the payload of another tenant of the class under my signature', 'store_manager', pg_temp.body('kernel-b', p_role => 'store_manager') || '.' || right(pg_temp.sign(pg_temp.body('kernel-a', p_role => 'store_manager')), 64)),
        ('an unknown principal', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_id => md5('nobody')::uuid::text))),
        ('a principal by its name', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_id => 'kernel-b' || repeat('-', 28)))),
        ('an id in upper case', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_id => upper(md5('kernel-b')::uuid::text)))),
        ('an id in braces', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_id => '{' || md5('kernel-b')::uuid::text || '}'))),
        ('the pattern that matches every id', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_id => repeat('_', 36)))),
        ('a role in upper case', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_role => upper(t.b)))),
        ('a role with a Cyrillic letter', t.b, pg_temp.sign(pg_temp.body('kernel-b', p_role => replace(t.b, 'a', U&'\0430')))),
        ('a field too many', t.b, pg_temp.sign(pg_temp.body('kernel-b') || '.0')),
        ('a field too few', t.b, pg_temp.sign(regexp_replace(pg_temp.body('kernel-b'), '[.][0-9]+$', '') || repeat('0', 40))),
        -- Texts that are no context.
        ('a newline at the end', t.b, t.of_b || e'\n'),
        ('a newline in the payload', t.b, replace(t.of_b, '.kernelone', e'\n.kernelone')),
        ('a blank in front', t.b, ' ' || t.of_b),
        ('a no-break space at the end', t.b, t.of_b || U&'\00A0'),
        ('a zero-width joiner in the signature', t.b, left(t.of_b, -32) || U&'\200D' || right(t.of_b, 32)),
        ('a dot at the end', t.b, t.of_b || '.'),
        ('dots alone', t.b, repeat('.', 150)),
        ('two contexts, one after the other', t.b, t.of_a || ' ' || t.of_b),
        ('two contexts, separated by a comma', t.b, t.of_b || ',' || t.of_b),
        ('a number that is none', t.b, replace(t.of_b, '.' || t.pid || '.', '.pid.')),
        ('a piece of JSON', t.b, '{"principal": "' || md5('kernel-b')::uuid || '", "role": "' || t.b || '", "pad": "' || repeat('x', 60) || '"}'),
        ('a piece of SQL', t.b, ''' or true) -- ' || repeat('x', 120)),
        ('emoji', t.b, repeat(U&'\+01F511', 40)),
        ('100 kB', t.b, t.of_b || repeat('0', 100000)),
        ('1 MB of dots', t.b, repeat('.', 1000000)),
        ('an empty text', t.b, ''),
        ('a role alone', t.b, t.b)
) as f (name, role, context);

-- Signed by us, for a time that is over, or a principal that was disabled since.
create temporary table late as
select l.name, l.context, l.code
from actors as t
cross join lateral (
    values
        ('an expiry of a second ago', pg_temp.sign(pg_temp.body('kernel-b', p_expiry => (extract(epoch from clock_timestamp())::bigint - 1)::text)), 'ZA002'),
        ('an expiry of 0', pg_temp.sign(pg_temp.body('kernel-b', p_expiry => '0')), 'ZA002'),
        ('a negative expiry', pg_temp.sign(pg_temp.body('kernel-b', p_expiry => '-1')), 'ZA002'),
        ('a disabled principal', pg_temp.sign(pg_temp.body('kernel-off')), 'ZA003')
) as l (name, context, code);

-- ---------------------------------------------------------------- what opens

-- First of all, while the setting has never been made: later it reads as ''.
set local role zava_store_kernel_a;
select is((select count(*) from retail.orders), 0::bigint, 'without a context a tenant sees nothing');
reset role;
select is(pg_temp.seen(t.a, t.of_a), '6', 'a valid context bound to this backend opens the rows of its store')
from actors as t;
select is(pg_temp.seen(t.b, t.of_b), '6', 'a valid context of the other store opens the rows of that one')
from actors as t;
select is(
    pg_temp.seen(t.a, pg_temp.sign(pg_temp.body('kernel-a', p_pid => '0'))), '6',
    'a context of pid 0 opens on every backend'
) from actors as t;
select is(
    pg_temp.seen('zava_region_kernel_region', t.of_region), '12',
    'a valid context of a region opens the rows of its list'
) from actors as t;
select is(
    pg_temp.seen('zava_head_office', t.of_head), '12',
    'a valid context of head office opens all rows'
) from actors as t;
select is(
    pg_temp.seen('store_manager', pg_temp.sign(pg_temp.body('kernel-a', p_role => 'store_manager'))), '6',
    'a valid context that names the class role, as in the runner, opens the rows of its store'
) from actors as t;
select is(
    pg_temp.ask('zava_store_kernel_a', t.of_a, 'select store_key from retail.stores'), 'kernel_a',
    'the row that a store sees of the stores is its own'
) from actors as t;

-- ---------------------------------------------------------------- what does not

select is(pg_temp.seen(f.role, f.context), '0', 'shows nothing and raises nothing: ' || f.name)
from forgeries as f
order by f.name;

select is(
    pg_temp.seen(t.b, l.context), 'error ' || l.code,
    'is an error, for no rows would look like an answer: ' || l.name
)
from late as l cross join actors as t
order by l.name;

select is(
    pg_temp.seen('zava_store_kernel_a', null), '0', 'shows nothing and raises nothing: a null context'
);

-- ---------------------------------------------------------------- set_config() inside a SELECT

create table retail.trusting (store text not null);
insert into retail.trusting (store) values ('mine'), ('theirs');
alter table retail.trusting enable row level security;
create policy trusting_store_manager_select
    on retail.trusting
    for select
    to store_manager
    using (store = (select current_setting('trusting.store', true)));
grant select on retail.trusting to store_manager;
select is(
    pg_temp.ask(
        t.a,
        t.of_a,
        'with moved as materialized (select set_config(''trusting.store'', ''theirs'', true)) '
        'select r.store from moved, retail.trusting as r'
    ),
    case when t.has_vehicle then 'theirs' else 'error 42501' end,
    'control: a policy on a plain setting is spoofed where set_config() may be called'
) from actors as t;
drop table retail.trusting;

select is(
    pg_temp.ask(
        t.a,
        '',
        format(
            'with moved as materialized (select set_config(''zava.context'', %L, true)) select (%s) from moved',
            t.of_a, p.query
        )
    ),
    case when t.has_vehicle then '6' else 'error 42501' end,
    'control: the vehicle carries a valid context, so what follows is refused for its content'
) from actors as t cross join probe as p;

select is(
    pg_temp.seen_by_set_config(f.role, f.context),
    case when t.has_vehicle then '0' else 'error 42501' end,
    'set inside the SELECT it shows nothing: ' || f.name
)
from forgeries as f
cross join actors as t
where f.role like 'zava_%' and length(f.context) < 2000
order by f.name;

select is(
    pg_temp.seen_by_set_config(t.b, l.context),
    'error ' || case when t.has_vehicle then l.code else '42501' end,
    'set inside the SELECT it is the same: ' || l.name
)
from late as l cross join actors as t
order by l.name;

select is(
    pg_temp.ask(
        t.a,
        t.of_a,
        format(
            'with moved as materialized (select set_config(''zava.context'', %L, true), set_config(''role'', ''zava_head_office'', true)) select (%s) from moved',
            t.of_head, p.query
        )
    ),
    case when t.has_vehicle then '0' else 'error 42501' end,
    'even a live context of head office, put in halfway, shows nothing: policies are chosen before'
) from actors as t cross join probe as p;

-- ---------------------------------------------------------------- what the owner is tricked into

set local role zava_owner;
create view retail.planted as select c.store_id from retail.customers as c;
create function api.planted_count()
returns bigint
language sql
stable
security definer
begin atomic
    select count(*) from retail.customers as c;
end;
create function api.planted_stores(p_role name)
returns uuid[]
language sql
stable
security definer
begin atomic
    select zava.visible_stores(p_role);
end;
grant select on retail.planted to store_manager;
grant execute on function api.planted_count() to store_manager;
grant execute on function api.planted_stores(name) to store_manager;
reset role;

select is(
    pg_temp.ask(t.a, t.of_a, 'select count(*) from retail.planted'), '0',
    'a view of the owner shows nothing: row-level security binds the owner'
) from actors as t;
select is(
    pg_temp.ask(t.a, t.of_a, 'select api.planted_count()'), '0',
    'a function that runs as the owner counts nothing'
) from actors as t;
select is(
    pg_temp.ask(t.a, t.of_a, format('select cardinality(api.planted_stores(%L))', t.b)), '0',
    'asking the kernel about another role yields no store'
) from actors as t;
select is(
    pg_temp.ask(t.a, t.of_a, format('select zava.visible_stores(%L)', t.a)), 'error 42501',
    'a tenant cannot name a kernel function, only policies call them'
) from actors as t;

-- ---------------------------------------------------------------- parts of the answer

select is(
    pg_temp.ask(t.a, t.of_a, 'select format(''%s %s %s'', principal, kind, stores) from api.whoami()'),
    'kernel-a store {kernel_a}', 'whoami names a store principal and its store'
) from actors as t;
select is(
    pg_temp.ask('zava_region_kernel_region', t.of_region, 'select format(''%s %s %s'', principal, kind, stores) from api.whoami()'),
    'kernel-region region {kernel_a,kernel_b}', 'whoami lists the stores of a region'
) from actors as t;
select is(
    pg_temp.ask('zava_head_office', t.of_head, 'select format(''%s %s %s'', principal, kind, stores) from api.whoami()'),
    'kernel-head head {kernel_a,kernel_b}', 'whoami lists every store for head office'
) from actors as t;
select is(
    pg_temp.ask(t.a, t.of_b, 'select count(*) from api.whoami()'), '0',
    'whoami answers no row to a context of another role'
) from actors as t;
select is(
    pg_temp.ask(t.a, '', 'select count(*) from api.whoami()'), '0', 'whoami answers no row to no context'
) from actors as t;

-- ---------------------------------------------------------------- in time

create temporary table short as
select
    e.expiry,
    pg_temp.sign(pg_temp.body('kernel-a', p_expiry => e.expiry::text)) as context
from (select ceil(extract(epoch from clock_timestamp()) + 0.5)::bigint) as e (expiry);
select is(pg_temp.seen(t.a, s.context), '6', 'a context is good until it expires')
from actors as t cross join short as s;
do $wait$
begin
    perform pg_sleep(s.expiry - extract(epoch from clock_timestamp())::float8 + 0.05) from short as s;
end
$wait$;
select is(
    pg_temp.seen(t.a, s.context), 'error ZA002', 'it ends inside a transaction that began before'
)
from actors as t cross join short as s;

select zava.disable_principal('kernel-a');
select is(pg_temp.seen(t.a, t.of_a), 'error ZA003', 'disabling a principal takes effect inside the running transaction')
from actors as t;
select is(pg_temp.seen(t.b, t.of_b), '6', 'and shuts nobody else out')
from actors as t;
select zava.enable_principal('kernel-a');
select is(pg_temp.seen(t.a, t.of_a), '6', 'enabling it lets its unexpired context in again')
from actors as t;

select is(
    pg_temp.seen(t.a, pg_temp.sign(pg_temp.body('kernel-a', p_kid => 'kerneltwo'), '5a', '30')), '6',
    'two keys verify side by side during a rotation'
) from actors as t;
select zava.retire_signing_key('kernelone');
select is(
    pg_temp.seen(t.a, t.of_a), 'error ZA001',
    'retiring the old key ends its contexts at once, and says so: no rows would look like an answer'
) from actors as t;
select is(
    pg_temp.seen(t.a, pg_temp.sign(pg_temp.body('kernel-a', p_kid => 'kerneltwo'), '5a', '30')), '6',
    'while the new key goes on verifying'
) from actors as t;
update zava.signing_keys set not_after = 'infinity' where kid = 'kernelone';

alter role zava_store_kernel_a rename to zava_store_kernel_x;
select is(
    pg_temp.seen('zava_store_kernel_x', t.of_a), '0',
    'a role that was renamed sees nothing under the context of its old name'
) from actors as t;
select is(
    pg_temp.seen('zava_store_kernel_x', pg_temp.sign(pg_temp.body('kernel-a', p_role => 'zava_store_kernel_x'))), '0',
    'nor under one of its new name, which no principal has'
) from actors as t;
alter role zava_store_kernel_x rename to zava_store_kernel_a;

delete from zava.principal_stores where principal_id = md5('kernel-region')::uuid and store_id::text like '%b';
select is(
    pg_temp.seen('zava_region_kernel_region', t.of_region), '6',
    'a store taken from a region is gone from its unexpired context'
) from actors as t;

-- ---------------------------------------------------------------- keys of clients

select zava.create_api_key('kernel-a', sha256('good'));
select zava.create_api_key('kernel-b', sha256('revoked'));
select zava.revoke_api_key(k.key_id) from zava.api_keys as k where k.key_hash = sha256('revoked');
select zava.create_api_key('kernel-b', sha256('expired'));
update zava.api_keys set expires_at = clock_timestamp() where key_hash = sha256('expired');
select zava.create_api_key('kernel-b', sha256('disabled'));
select zava.disable_principal('kernel-b');

create function pg_temp.authenticated(p_key text)
returns text
language sql
as $function$
    select pg_temp.ask('zava_service', '', format(
        'select string_agg(format(''%%s %%s %%s'', a.name, a.role_name, a.active), '','') from zava.authenticate(sha256(%L)) as a', p_key
    ));
$function$;
select is(pg_temp.authenticated('good'), 'kernel-a zava_store_kernel_a t', 'a good key names its principal');
select is(pg_temp.authenticated('unknown'), null, 'an unknown key names nobody');
select is(pg_temp.authenticated('revoked'), null, 'a revoked key names nobody');
select is(pg_temp.authenticated('expired'), null, 'an expired key names nobody');
select is(
    pg_temp.authenticated('disabled'), 'kernel-b zava_store_kernel_b f',
    'the key of a disabled principal names it as disabled, so that the error can say so'
);
select throws_ok(
    $$ select zava.create_api_key('kernel-b', sha256('more')) $$, 'P0002',
    'unknown or disabled principal: ''kernel-b''', 'a disabled principal gets no further key'
);
select throws_ok(
    $$ select zava.create_api_key('kernel-a', sha256('late'), '2020-01-01') $$, '22023', null,
    'a key that would be expired already is refused'
);
select throws_ok(
    $$ select zava.create_api_key('kernel-a', sha256('good')) $$, '23505', null,
    'the same key is not registered twice'
);
select is(
    pg_temp.ask('zava_store_kernel_a', t.of_a, 'select zava.authenticate(sha256(''good''))'), 'error 42501',
    'a tenant cannot ask whose key it is'
) from actors as t;
select is(
    pg_temp.ask('zava_gateway', t.of_a, 'select zava.authenticate(sha256(''good''))'), 'error 42501',
    'nor can the gateway'
) from actors as t;
select is(
    pg_temp.ask('zava_service', '', format('select zava.knows_signing_key(%L, %L)', k.kid, sha256(k.ipad || k.opad))),
    'true', 'the service is told that a key is known'
) from zava.signing_keys as k where k.kid = 'kernelone';
select is(
    pg_temp.ask('zava_service', '', format('select zava.knows_signing_key(%L, %L)', k.kid, sha256(k.ipad || k.opad))),
    'false', 'and that a retired one is not'
) from zava.signing_keys as k where k.kid = 'kernelold';
select is(
    pg_temp.ask('zava_service', '', 'select zava.knows_signing_key(''kernelone'', sha256(''guess''))'),
    'false', 'nor one with other pads'
);
select is(
    pg_temp.ask('zava_service', '', format('select zava.knows_signing_key(''kernelnone'', %L)', sha256(k.ipad || k.opad))),
    'false', 'nor one by the id of another'
) from zava.signing_keys as k where k.kid = 'kernelone';

select * from finish();
rollback;
