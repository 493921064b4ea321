-- api.customer_lifetime_value(): three customers of one store, one of another.
begin;
select plan(10);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

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

-- The same from the day on which a2 came: 5 in 41 days, 1 in 40, 0 in 41.
select is(
    pg_temp.ask('an-a', $$ select customer, expected_orders from api.customer_lifetime_value(p_from => '2026-03-01', p_to => '2026-04-10', p_horizon => 100) $$),
    e'("a1 Test",9.07)\n("a2 Test",3.55)\n("a3 Test",2.11)',
    'the first order of all starts the clock on the first day too'
);

-- Bought for 50 and gave back what had cost 30, in one order.
insert into retail.orders (store_id, order_id, customer_id, order_date, status, total_amount)
values (md5('an_b')::uuid, pg_temp.id(2), md5('a1')::uuid, '2026-03-02 12:00-08', 'completed', 20);
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount, return_of_order_id, return_of_line_number
)
select md5('an_b')::uuid, pg_temp.id(2), l.line, md5(l.product)::uuid, '2026-03-02 12:00-08',
    l.quantity, l.price, 10, l.quantity * l.price, pg_temp.id(l.returns), l.returns
from (
    values (1, 'hammer', 1, 50, null::integer), (2, 'saw', -1, 30, 1)
) as l (line, product, quantity, price, returns);
select is(
    pg_temp.ask('an-region', $$ select orders, revenue, margin, average_basket from api.customer_lifetime_value('an_b', p_to => '2026-04-10') $$),
    '(2,50.00,40.00,40.00)',
    'what an order takes back makes its basket no smaller'
);

select * from pg_temp.keeps_apart('customer_lifetime_value');

select * from finish();
rollback;
