-- api.customer_lifetime_value(): three customers of one store, one of another.
begin;
select plan(8);

-- ---------------------------------------------------------------- arrange

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values
    (md5('an_a')::uuid, 'an_a', 'A', 'Seattle', 0.1, '2020-01-01'),
    (md5('an_b')::uuid, 'an_b', 'B', 'Tacoma', 0.1, '2020-01-01');
insert into retail.categories (category_id, name) values (md5('tools')::uuid, 'Tools');
insert into retail.product_types (type_id, category_id, name)
select md5(t.name)::uuid, md5('tools')::uuid, t.name
from (values ('Hand'), ('Small')) as t (name);
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(p.name)::uuid, p.name, p.name, p.name, md5('tools')::uuid, md5(p.type)::uuid, 10
from (
    values ('hammer', 'Hand'), ('saw', 'Hand'), ('nails', 'Small'), ('tape', 'Small'),
        ('drill', 'Hand'), ('ladder', 'Hand'), ('wrench', 'Hand')
) as p (name, type);

select zava.create_principal('an-a', 'store', '{an_a}');
select zava.create_principal('an-region', 'region', '{an_a,an_b}');
select zava.create_principal('an-head', 'head');
select zava.create_signing_key(
    'ankey',
    decode(repeat('5d', 32) || repeat('36', 32), 'hex'),
    decode(repeat('37', 32) || repeat('5c', 32), 'hex')
);

-- The rows of a query as one principal sees them, a line each, or the SQLSTATE. Null asks without
-- a context, in the role of a store.
create function pg_temp.ask(p_name text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_role name;
    v_answer text;
begin
    perform set_config('zava.context', '', true);
    select
        p.role_name,
        set_config('zava.context', b.body || '.' || encode(sha256(
            decode(repeat('37', 32) || repeat('5c', 32), 'hex')
            || sha256(
                decode(repeat('5d', 32) || repeat('36', 32), 'hex') || convert_to(b.body, 'UTF8')
            )
        ), 'hex'), true)
    into v_role
    from zava.principals as p
    cross join lateral concat_ws('.', '1', 'ankey', p.principal_id, p.role_name, '0',
        extract(epoch from clock_timestamp())::bigint + 600) as b (body)
    where p.name = p_name;
    execute format('set local role %I', coalesce(v_role, 'zava_store_an_a'));
    execute format('select string_agg(q::text, e''\n'') from (%s) as q', p_query) into v_answer;
    reset role;
    return coalesce(v_answer, 'nothing');
exception
    when others then
        return 'error ' || sqlstate;
end;
$function$;

create temporary table lines (
    store text, customer text, number integer, moment timestamptz, status text, product text,
    quantity integer, price numeric, cost numeric, returns integer
);
-- Two stores may have an order of the same id.
create function pg_temp.id(p_number integer)
returns uuid
language sql
return md5(p_number::text)::uuid;
create function pg_temp.sell()
returns void
language sql
as $function$
    insert into retail.customers (
        store_id, customer_id, first_name, last_name, email, city, joined_on
    )
    select distinct md5(l.store)::uuid, md5(l.customer)::uuid, l.customer, 'Test',
        l.customer || '@example.com', 'Seattle', date '2020-01-01'
    from lines as l
    where l.customer is not null;
    insert into retail.orders (
        store_id, order_id, customer_id, order_date, status, return_of, total_amount
    )
    select md5(l.store)::uuid, pg_temp.id(l.number), md5(l.customer)::uuid,
        l.moment, l.status, pg_temp.id(l.returns), sum(l.quantity * l.price)
    from lines as l
    group by l.store, l.number, l.customer, l.moment, l.status, l.returns;
    insert into retail.order_items (
        store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
        total_amount, return_of_order_id, return_of_line_number
    )
    select md5(l.store)::uuid, pg_temp.id(l.number),
        row_number() over (partition by l.store, l.number order by l.product),
        md5(l.product)::uuid, l.moment, l.quantity, l.price, l.cost, l.quantity * l.price,
        pg_temp.id(l.returns), case when l.returns is not null then 1 end
    from lines as l;
$function$;

-- A period of 100 days, 2026-01-01 to 2026-04-10. a1 came before it: 10 orders in 100 days. a2 came
-- on March 1: 1 more in 40 days. a3 came on February 19: none more in 50 days.
insert into lines
select 'an_a', 'a1', 10 + n, timestamptz '2025-12-31 12:00-08' + n * interval '10 days', 'completed', 'saw', 1, 100, 60, null::integer
from generate_series(1, 10) as n
union all
values
    ('an_a', 'a1', 1, timestamptz '2025-12-01 12:00-08', 'completed', 'saw', 1, 100, 60, null::integer),
    ('an_a', 'a2', 31, '2026-03-01 12:00-08', 'completed', 'saw', 1, 100, 60, null),
    ('an_a', 'a2', 32, '2026-04-10 23:30-07', 'completed', 'hammer', 2, 50, 30, null),
    ('an_a', 'a2', 33, '2026-04-10 23:40-07', 'return', 'hammer', -1, 50, 30, 32),
    ('an_a', 'a3', 41, '2026-02-19 12:00-08', 'completed', 'saw', 3, 20, 10, null),
    ('an_a', 'a3', 42, '2026-02-20 12:00-08', 'cancelled', 'saw', 1, 999, 1, null),
    ('an_a', 'a3', 43, '2026-04-11 00:30-07', 'completed', 'saw', 1, 999, 1, null),
    ('an_a', null, 44, '2026-02-20 12:00-08', 'completed', 'saw', 1, 999, 1, null),
    ('an_b', 'a1', 1, '2026-03-01 12:00-08', 'completed', 'saw', 1, 30, 10, null);
select pg_temp.sell();

create temporary table shown (call text);
insert into shown
values ($$ select store_key, customer, loyalty_tier, first_order_on, last_order_on, orders, revenue, margin, average_basket, expected_orders, expected_margin, lifetime_value from api.customer_lifetime_value(p_from => '2026-01-01', p_to => '2026-04-10', p_horizon => 100) $$);

-- ---------------------------------------------------------------- assert

-- x and t: 10 in 100, 1 in 40, 0 in 50 days: m = 11 / 190, v = 16.839 / 14100.
-- a1: 100 * (m * m + 10 * v) / (m + 100 * v) orders at (440 + 530 / 14) / 12 each.
select is(
    pg_temp.ask('an-a', s.call),
    e'(an_a,"a1 Test",none,2025-12-01,2026-04-10,11,1100.00,440.00,100.00,8.63,343.47,783.47)\n'
    '(an_a,"a2 Test",none,2026-03-01,2026-04-10,2,150.00,60.00,100.00,4.30,140.34,200.34)\n'
    '(an_a,"a3 Test",none,2026-02-19,2026-02-19,1,60.00,30.00,60.00,2.85,96.70,126.70)',
    'a store sees what its customers are worth'
)
from shown as s;
select is(
    pg_temp.ask(p.name, s.call),
    e'(an_a,"a1 Test",none,2025-12-01,2026-04-10,11,1100.00,440.00,100.00,8.63,343.47,783.47)\n'
    '(an_a,"a2 Test",none,2026-03-01,2026-04-10,2,150.00,60.00,100.00,4.30,140.34,200.34)\n'
    '(an_a,"a3 Test",none,2026-02-19,2026-02-19,1,60.00,30.00,60.00,2.85,96.70,126.70)'
    || e'\n(an_b,"a1 Test",none,2026-03-01,2026-03-01,1,30.00,20.00,30.00,,,20.00)',
    p.name || ' sees both stores, each with a mean of its own'
)
from shown as s
cross join (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', $$ select customer_id = md5('a1')::uuid from api.customer_lifetime_value(p_to => '2026-04-10', p_limit => 1) $$),
    '(t)',
    'the id is the customer''s'
);

select is(
    pg_temp.ask(null, $$ select * from api.customer_lifetime_value() $$),
    'nothing',
    'nobody sees anything without a context'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.customer_lifetime_value('an_b') $$),
    'error 42501',
    'a store may not ask about another'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.customer_lifetime_value('an_zz') $$),
    'error 42501',
    'a store that is not there gives the same error'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.customer_lifetime_value('an_a') $$),
    pg_temp.ask('an-a', $$ select * from api.customer_lifetime_value() $$),
    'head office gets the numbers of one store when it names it'
);

select * from finish();
rollback;
