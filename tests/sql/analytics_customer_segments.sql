-- api.customer_segments(): five customers with scores of 1 to 5 in each of R, F and M.
begin;
select plan(9);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- Store A: recency 0, 10, 20, 40, 30 days; 5, 4, 3, 2, 1 orders; revenue 500, 200, 300, 40, 50.
insert into lines
select 'an_a', 'a1', n, '2026-03-31 23:30-07'::timestamptz - (n - 1) * interval '7 days', 'completed', 'hammer', 1, 100, 60, null::integer
from generate_series(1, 5) as n
union all
select 'an_a', 'a2', 10 + n, '2026-03-21 12:00-07'::timestamptz - (n - 1) * interval '9 days', 'completed', 'saw', 2, 25, 10, null
from generate_series(1, 4) as n
union all
select 'an_a', 'a3', 20 + n, '2026-03-11 12:00-07'::timestamptz - (n - 1) * interval '9 days', 'completed', 'saw', 1, 100, 10, null
from generate_series(1, 3) as n
union all
values
    ('an_a', 'a4', 31, '2026-02-19 12:00-08'::timestamptz, 'completed', 'nails', 1, 20, 1, null::integer),
    ('an_a', 'a4', 32, '2026-02-10 12:00-08', 'completed', 'nails', 1, 20, 1, null),
    ('an_a', 'a5', 41, '2026-03-01 12:00-08', 'completed', 'nails', 6, 10, 1, null),
    ('an_a', 'a5', 42, '2026-03-05 12:00-08', 'return', 'nails', -1, 10, 1, 41),
    -- None of these counts: cash, not completed, before the period.
    ('an_a', null, 51, '2026-03-20 12:00-07', 'completed', 'saw', 1, 999, 1, null),
    ('an_a', 'a6', 52, '2026-03-20 12:00-07', 'cancelled', 'saw', 1, 999, 1, null),
    ('an_a', 'a6', 53, '2026-03-20 12:00-07', 'pending', 'saw', 1, 999, 1, null),
    ('an_a', 'a6', 54, '2025-03-31 23:30-07', 'completed', 'saw', 1, 999, 1, null),
    -- Where B is, it is the 26th, and half past midnight of the 20th.
    ('an_b', 'a1', 1, '2026-03-25 12:00-07', 'completed', 'saw', 1, 30, 1, null),
    ('an_b', 'a1', 2, '2026-03-19 10:30+00', 'completed', 'saw', 1, 30, 1, null);
select pg_temp.sell();
update retail.stores as s set time_zone = 'Pacific/Kiritimati' where s.store_key = 'an_b';

-- ---------------------------------------------------------------- assert

select is(
    pg_temp.ask('an-a', $$ select * from api.customer_segments() $$),
    e'(champions,1,20.00,5,500.00,45.87,0.00,5.00,500.00)\n'
    '(loyal,2,40.00,7,500.00,45.87,15.00,3.50,250.00)\n'
    '(hibernating,1,20.00,1,50.00,4.59,30.00,1.00,50.00)\n'
    '(lost,1,20.00,2,40.00,3.67,40.00,2.00,40.00)',
    'a store sees its customers by segment'
);
select is(
    pg_temp.ask(p.name, $$ select * from api.customer_segments() $$),
    e'(champions,1,16.67,5,500.00,43.48,0.00,5.00,500.00)\n'
    '(loyal,2,33.33,7,500.00,43.48,15.00,3.50,250.00)\n'
    '(hibernating,1,16.67,1,50.00,4.35,30.00,1.00,50.00)\n'
    '(lost,2,33.33,4,100.00,8.70,22.50,2.00,50.00)',
    p.name || ' sees both stores, each scored by itself'
)
from (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', $$ select segment, customers, orders from api.customer_segments(p_from => '2025-03-31', p_to => '2025-03-31') $$),
    '(lost,1,1)',
    'a day ends at midnight of the store, and a lone customer has the lowest scores'
);
select is(
    pg_temp.ask('an-head', $$ select segment, orders, average_recency_days from api.customer_segments('an_b', '2026-03-20', '2026-03-20') $$),
    '(lost,1,0.00)',
    'and begins at midnight of the store, fourteen hours before that of UTC'
);

select * from pg_temp.keeps_apart('customer_segments');

select * from finish();
rollback;
