-- api.sales_forecast(): two series of fourteen weeks whose forecast is known.
begin;
select plan(11);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- A repeats its week: 100 on the first day to 160 on the seventh. B has a week of 100 a day and one
-- of 200 a day in turn, the last one of 200.
insert into lines
select s.store, null::text, 1 + d.n, timestamptz '2026-01-01 22:00-08' + d.n * interval '24 hours', 'completed', 'saw', 1,
    case s.store when 'an_a' then 100 + 10 * (d.n % 7) else 100 + 100 * (d.n / 7 % 2) end, 1, null::integer
from (values ('an_a'), ('an_b')) as s (store)
cross join generate_series(0, 97) as d (n)
union all
values ('an_a', null::text, 200, timestamptz '2026-04-08 12:00-07', 'cancelled', 'saw', 1, 999, 1, null::integer);
select pg_temp.sell();

-- ---------------------------------------------------------------- assert

select is(
    pg_temp.ask('an-a', $$ select * from api.sales_forecast(p_horizon => 7) limit 2 $$),
    e'(2026-04-09,100.00,100.00,100.00,"seasonal naive",0.00,0.00,70)\n'
    '(2026-04-10,110.00,110.00,110.00,"seasonal naive",0.00,0.00,70)',
    'a series that repeats itself is forecast without error'
);
-- Naive is off by 100 a day of 150 on average; the level of 150 by 50.
select is(
    pg_temp.ask('an-head', $$ select * from api.sales_forecast('an_b', 7) limit 1 $$),
    '(2026-04-09,150.00,100.00,200.00,"recent level",33.33,66.67,70)',
    'a method that beats the baseline is taken, with the interval of its errors'
);
select is(
    pg_temp.ask(p.name, $$ select day, forecast, method from api.sales_forecast(p_horizon => 7) limit 2 $$),
    e'(2026-04-09,250.00,"recent level")\n(2026-04-10,260.00,"recent level")',
    p.name || ' gets one forecast for both stores'
)
from (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', $$ select count(*), min(day), max(day), min(backtest_days) from api.sales_forecast(p_to => '2026-03-31') $$),
    '(30,2026-04-01,2026-04-30,60)',
    'the forecast begins on the day after p_to'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.sales_forecast(p_horizon => 71) $$),
    'error 22023: a forecast of 71 days needs 99 days of sales, there are 98',
    'a horizon without enough data behind it is an error'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.sales_forecast(p_to => '2026-04-09') $$),
    'error 22023: p_to (2026-04-09) is after the newest sale (2026-04-08)',
    'days after the newest sale are not known'
);

select * from pg_temp.keeps_apart('sales_forecast');

select * from finish();
rollback;
