-- api.basket_affinity(): five baskets of one store, one of another.
begin;
select plan(14);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

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
    pg_temp.ask('an-a', format($$ select %s from api.basket_affinity(p_min_support => 0.1) $$, s.columns)),
    e'(hammer,nails,2,3,3,40.00,66.67,66.67,1.11)\n'
    '(hammer,saw,1,3,2,20.00,33.33,50.00,0.83)\n'
    '(nails,saw,1,3,2,20.00,33.33,50.00,0.83)',
    'a store sees what its customers buy together'
)
from shown as s;
select is(
    pg_temp.ask(p.name, format($$ select %s from api.basket_affinity(p_min_support => 0.1) $$, s.columns)),
    e'(hammer,nails,2,4,3,33.33,50.00,66.67,1.00)\n'
    '(hammer,saw,2,4,3,33.33,50.00,66.67,1.00)\n'
    '(nails,saw,1,3,3,16.67,33.33,33.33,0.67)',
    p.name || ' sees the baskets of both stores'
)
from shown as s
cross join (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', format($$ select %s from api.basket_affinity(p_level => 'type', p_min_support => 0.1) $$, s.columns)),
    '(Hand,Small,2,4,3,40.00,50.00,66.67,0.83)',
    'products of one type are one item'
)
from shown as s;
select is(
    pg_temp.ask('an-a', $$ select * from api.basket_affinity(p_level => 'category', p_min_support => 0.1) $$),
    'nothing',
    'one category makes no pair'
);
select is(
    pg_temp.ask('an-a', $$ select item_a, item_b from api.basket_affinity(p_min_support => 40) $$),
    '(hammer,nails)',
    'a pair at the smallest support is shown, and none below'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.basket_affinity() $$),
    'nothing',
    'two orders are not enough unless the caller says so'
);
truncate lines;
insert into lines
values
    ('an_b', null::text, 2, '2026-03-06 12:00-08'::timestamptz, 'completed', 'hammer', 1, 10, 6, null::integer),
    ('an_b', null, 2, '2026-03-06 12:00-08', 'completed', 'saw', 1, 12, 6, null);
select pg_temp.sell();
select is(
    pg_temp.ask('an-head', $$ select item_a, item_b, baskets from api.basket_affinity() $$),
    '(hammer,saw,3)',
    'three are'
);
select is(
    pg_temp.ask('an-a', $$ select item_a_id = md5('hammer')::uuid, item_b_id = md5('nails')::uuid from api.basket_affinity(p_limit => 1, p_min_support => 0.1) $$),
    '(t,t)',
    'ids are those of the items'
);
select is(
    pg_temp.ask('an-a', $$ select baskets, baskets_b from api.basket_affinity(p_to => '2026-03-30', p_min_support => 0.1) where item_b = 'nails' $$),
    '(2,2)',
    'a sale before midnight of the store belongs to that day'
);

select * from pg_temp.keeps_apart('basket_affinity', 'p_min_support => 0.1');

select * from finish();
rollback;
