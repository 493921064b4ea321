-- api.basket_affinity(): five baskets of one store, one of another.
begin;
select plan(12);

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

insert into lines
values
    ('an_a', null::text, 1, '2026-03-01 12:00-08'::timestamptz, 'completed', 'hammer', 1, 10, 6, null::integer),
    ('an_a', null, 1, '2026-03-01 12:00-08', 'completed', 'nails', 1, 2, 1, null),
    ('an_a', null, 2, '2026-03-02 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    -- The same product on two lines is one item of the basket.
    ('an_a', null, 2, '2026-03-02 12:00-08', 'completed', 'hammer', 3, 9, 6, null),
    ('an_a', null, 2, '2026-03-02 12:00-08', 'completed', 'nails', 1, 2, 1, null),
    ('an_a', null, 2, '2026-03-02 12:00-08', 'completed', 'saw', 1, 12, 6, null),
    ('an_a', null, 3, '2026-03-03 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('an_a', null, 4, '2026-03-04 12:00-08', 'completed', 'saw', 1, 12, 6, null),
    ('an_a', null, 5, '2026-03-31 23:30-07', 'completed', 'nails', 1, 2, 1, null),
    ('an_a', null, 6, '2026-03-05 12:00-08', 'return', 'hammer', -1, 10, 6, 1),
    ('an_a', null, 7, '2026-03-05 12:00-08', 'cancelled', 'hammer', 1, 10, 6, null),
    ('an_a', null, 7, '2026-03-05 12:00-08', 'cancelled', 'saw', 1, 12, 6, null),
    ('an_b', null, 1, '2026-03-05 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('an_b', null, 1, '2026-03-05 12:00-08', 'completed', 'saw', 1, 12, 6, null);
select pg_temp.sell();

create temporary table shown (columns text);
insert into shown
values ('item_a, item_b, baskets, baskets_a, baskets_b, support_percent, confidence_a_to_b_percent, confidence_b_to_a_percent, lift');

-- ---------------------------------------------------------------- assert

select is(
    pg_temp.ask('an-a', format($$ select %s from api.basket_affinity() $$, s.columns)),
    e'(hammer,nails,2,3,3,40.00,66.67,66.67,1.11)\n'
    '(hammer,saw,1,3,2,20.00,33.33,50.00,0.83)\n'
    '(nails,saw,1,3,2,20.00,33.33,50.00,0.83)',
    'a store sees what its customers buy together'
)
from shown as s;
select is(
    pg_temp.ask(p.name, format($$ select %s from api.basket_affinity() $$, s.columns)),
    e'(hammer,nails,2,4,3,33.33,50.00,66.67,1.00)\n'
    '(hammer,saw,2,4,3,33.33,50.00,66.67,1.00)\n'
    '(nails,saw,1,3,3,16.67,33.33,33.33,0.67)',
    p.name || ' sees the baskets of both stores'
)
from shown as s
cross join (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', format($$ select %s from api.basket_affinity(p_level => 'type') $$, s.columns)),
    '(Hand,Small,2,4,3,40.00,50.00,66.67,0.83)',
    'products of one type are one item'
)
from shown as s;
select is(
    pg_temp.ask('an-a', $$ select * from api.basket_affinity(p_level => 'category') $$),
    'nothing',
    'one category makes no pair'
);
select is(
    pg_temp.ask('an-a', $$ select item_a, item_b from api.basket_affinity(p_min_support => 40) $$),
    '(hammer,nails)',
    'a pair at the smallest support is shown, and none below'
);
select is(
    pg_temp.ask('an-a', $$ select item_a_id = md5('hammer')::uuid, item_b_id = md5('nails')::uuid from api.basket_affinity(p_limit => 1) $$),
    '(t,t)',
    'ids are those of the items'
);
select is(
    pg_temp.ask('an-a', $$ select baskets, baskets_b from api.basket_affinity(p_to => '2026-03-30') where item_b = 'nails' $$),
    '(2,2)',
    'a sale before midnight of the store belongs to that day'
);

select is(
    pg_temp.ask(null, $$ select * from api.basket_affinity() $$),
    'nothing',
    'nobody sees anything without a context'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.basket_affinity('an_b') $$),
    'error 42501',
    'a store may not ask about another'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.basket_affinity('an_zz') $$),
    'error 42501',
    'a store that is not there gives the same error'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.basket_affinity('an_a') $$),
    pg_temp.ask('an-a', $$ select * from api.basket_affinity() $$),
    'head office gets the numbers of one store when it names it'
);

select * from finish();
rollback;
