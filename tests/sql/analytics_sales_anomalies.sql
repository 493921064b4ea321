-- api.sales_anomalies(): two odd days in fifteen months whose median and MAD are known.
begin;
select plan(14);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- Weeks of 81, 100 and 121 a day in turn: the median of four weeks before and after is always 100,
-- square roots differ from it by -1, 0 and 1, so their median is 0 and their MAD is 1.
insert into lines
select s.store, null::text, d.day - date '2024-12-31', (d.day + time '23:00') at time zone 'America/Los_Angeles', 'completed', 'saw', 1,
    case when s.store = 'an_a' and d.day = date '2026-02-10' then 256
        else (array[81, 100, 121])[1 + (d.day - date '2025-01-01') / 7 % 3] end,
    1, null::integer
from (values ('an_a'), ('an_b')) as s (store)
cross join lateral (
    select g.day::date as day
    from generate_series(timestamp '2025-01-01', timestamp '2026-03-31', interval '1 day') as g (day)
) as d
where s.store <> 'an_a' or d.day <> date '2026-02-20';
select pg_temp.sell();

-- ---------------------------------------------------------------- assert

-- 0.6745 * (16 - 10) = 4.047; 0.6745 * (0 - 10) = -6.745.
select is(
    pg_temp.ask(p.name, $$ select * from api.sales_anomalies() $$),
    e'(an_a,2026-02-20,low,0.00,100.00,-100.00,-6.75)\n'
    '(an_a,2026-02-10,high,256.00,100.00,156.00,4.05)',
    p.name || ' sees the two odd days'
)
from (values ('an-a'), ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-head', $$ select * from api.sales_anomalies('an_b') $$),
    'nothing',
    'even days are no anomalies'
);
select is(
    pg_temp.ask('an-a', $$ select day from api.sales_anomalies(p_threshold => 4.1) $$),
    '(2026-02-20)',
    'the threshold counts in both directions'
);
select is(
    pg_temp.ask('an-a', $$ select day from api.sales_anomalies(p_from => '2026-02-01', p_to => '2026-02-19') $$),
    '(2026-02-10)',
    'only days of the period are judged'
);
select is(
    pg_temp.ask('an-a', $$ select day from api.sales_anomalies(p_limit => 1) $$),
    '(2026-02-20)',
    'the limit keeps the strangest'
);

select * from pg_temp.keeps_apart('sales_anomalies');

-- Roots that are no whole numbers, and a first day that is the only one judged.
update retail.orders set total_amount = 3 * total_amount;
select is(
    pg_temp.ask('an-a', $$ select * from api.sales_anomalies(null, '2025-01-01', '2025-01-01', 0.5) $$),
    'nothing',
    'a day that has no other to compare with is not odd by a rounding error'
);


-- 33 days: of five weekdays there are five, four others each; of two there are four. The first of the
-- five sells nothing but once.
delete from retail.order_items;
delete from retail.orders;
truncate lines;
insert into lines
select 'an_a', null, d.n, (date '2025-06-01' + d.n + time '12:00') at time zone 'America/Los_Angeles', 'completed', 'saw', 1,
    case when d.n in (8, 13) then 400 when d.n = 7 then 50 else (array[81, 100, 121])[1 + d.n / 7 % 3] end, 1, null::integer
from generate_series(0, 32) as d (n)
where d.n % 7 <> 0 or d.n = 7;
insert into lines values ('an_a', null, 99, '2025-06-01 12:00-07', 'completed', 'saw', 1, 0, 0, null);
select pg_temp.sell();
select is(
    pg_temp.ask('an-a', $$ select day, direction from api.sales_anomalies(p_threshold => 3) $$),
    '(2025-06-09,high)',
    'days with three others like them are not judged, nor those that sell nothing as a rule'
);

-- Six weeks, of which three in the middle sell. Only the others have a median above zero, and most lie
-- far below it: one that lies less far below is not a good day, nor is one that sold what was expected.
delete from retail.order_items;
delete from retail.orders;
truncate lines;
insert into lines
select 'an_a', null, d.n, (date '2025-06-01' + d.n + time '12:00') at time zone 'America/Los_Angeles', 'completed', 'saw', 1,
    (array[100, 121, 81, 144, 64, 16, 16])[1 + d.n % 7], 1, null::integer
from generate_series(0, 41) as d (n)
where d.n / 7 between 1 and 3 or d.n in (0, 41);
select pg_temp.sell();
select is(
    pg_temp.ask('an-a', $$ select distinct direction, deviation_percent from api.sales_anomalies(p_threshold => 0.5) $$),
    '(low,-100.00)',
    'a day is high only above what was expected'
);
select * from finish();
rollback;
