-- api.customer_cohorts(): three months of two stores.
begin;
select plan(10);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

insert into lines
values
    ('an_a', 'a1', 1, '2026-01-10 12:00-08'::timestamptz, 'completed', 'saw', 1, 100, 1, null::integer),
    ('an_a', 'a1', 2, '2026-02-10 12:00-08', 'completed', 'saw', 1, 50, 1, null),
    ('an_a', 'a1', 3, '2026-03-10 12:00-07', 'completed', 'saw', 1, 25, 1, null),
    -- In UTC this is February.
    ('an_a', 'a2', 4, '2026-01-31 23:30-08', 'completed', 'saw', 1, 40, 1, null),
    ('an_a', 'a2', 5, '2026-02-03 12:00-08', 'return', 'saw', -1, 40, 1, 4),
    ('an_a', 'a2', 6, '2026-03-16 00:30-07', 'completed', 'saw', 1, 77, 1, null),
    ('an_a', 'a3', 7, '2026-01-05 12:00-08', 'cancelled', 'saw', 1, 999, 1, null),
    ('an_a', 'a3', 8, '2026-02-05 12:00-08', 'completed', 'saw', 1, 30, 1, null),
    ('an_a', 'a3', 9, '2026-03-01 12:00-08', 'completed', 'saw', 1, 20, 1, null),
    ('an_a', null, 10, '2026-01-05 12:00-08', 'completed', 'saw', 1, 999, 1, null),
    -- The a1 of B, another customer, came before the first cohort.
    ('an_b', 'a1', 1, '2025-03-31 23:30-07', 'completed', 'saw', 1, 10, 1, null),
    ('an_b', 'a1', 2, '2026-01-15 12:00-08', 'completed', 'saw', 1, 5, 1, null),
    ('an_b', 'b2', 3, '2026-01-20 12:00-08', 'completed', 'saw', 1, 70, 1, null);
select pg_temp.sell();

-- ---------------------------------------------------------------- assert

select is(
    pg_temp.ask('an-a', $$ select * from api.customer_cohorts(p_to => '2026-03-15') $$),
    e'(2026-01-01,2,0,2,100.00,140.00,t)\n'
    '(2026-01-01,2,1,1,50.00,10.00,t)\n'
    '(2026-01-01,2,2,1,50.00,25.00,f)\n'
    '(2026-02-01,1,0,1,100.00,30.00,t)\n'
    '(2026-02-01,1,1,1,100.00,20.00,f)',
    'a store sees who of a month''s new customers came back'
);
select is(
    pg_temp.ask(p.name, $$ select * from api.customer_cohorts(p_to => '2026-03-15') $$),
    e'(2026-01-01,3,0,3,100.00,210.00,t)\n'
    '(2026-01-01,3,1,1,33.33,10.00,t)\n'
    '(2026-01-01,3,2,1,33.33,25.00,f)\n'
    '(2026-02-01,1,0,1,100.00,30.00,t)\n'
    '(2026-02-01,1,1,1,100.00,20.00,f)',
    p.name || ' sees the cohorts of both stores together'
)
from (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', $$ select * from api.customer_cohorts(p_from => '2026-02-28') $$),
    e'(2026-02-01,1,0,1,100.00,30.00,t)\n(2026-02-01,1,1,1,100.00,20.00,f)',
    'the month of p_from is the first cohort, whole'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.customer_cohorts(p_from => '2025-03-31', p_to => '2025-05-31') $$),
    e'(2025-03-01,1,0,1,100.00,10.00,t)\n(2025-03-01,1,1,0,0.00,0.00,t)\n(2025-03-01,1,2,0,0.00,0.00,t)',
    'months in which nobody came back are shown'
);

select * from pg_temp.keeps_apart('customer_cohorts');
select is(
    pg_temp.ask('an-a', $$ select * from api.customer_cohorts(p_to => '1900-06-01') $$),
    'nothing',
    'eleven months before the first day that there can be are not an error'
);

select * from finish();
rollback;
