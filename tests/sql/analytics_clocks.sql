-- Days on which a store's clocks are changed at midnight: each moment lies in one day, in every report.
-- And the first and the last moments that a sale may have.
begin;
select plan(20);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- In the Azores clocks go back from one to midnight: this hour comes twice, on 26 October.
update retail.stores set time_zone = 'Atlantic/Azores' where store_key = 'an_a';
insert into lines
values
    ('an_a', 'c1', 1, timestamptz '2025-10-25 23:59:59.999999+00', 'completed', 'saw', 1, 1, 0, null::integer),
    ('an_a', 'c1', 2, '2025-10-26 00:00+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_a', 'c2', 3, '2025-10-26 00:30+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_a', 'c3', 4, '2025-10-26 01:30+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_a', 'c3', 5, '2025-10-27 00:59:59.999999+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_a', 'c1', 6, '2025-10-27 01:00+00', 'completed', 'saw', 1, 100, 0, null);
-- In Greenland they go forward from eleven to midnight: 29 March has no last hour.
select zava.create_principal('an-b', 'store', '{an_b}');
update retail.stores set time_zone = 'America/Nuuk' where store_key = 'an_b';
insert into lines
values
    ('an_b', 'c1', 1, timestamptz '2025-03-30 00:59:59.999999+00', 'completed', 'saw', 1, 1, 0, null::integer),
    ('an_b', 'c1', 2, '2025-03-30 01:00+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_b', 'c2', 3, '2025-03-30 01:30+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_b', 'c3', 4, '2025-03-30 02:30+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_b', 'c3', 5, '2025-03-31 00:59:59.999999+00', 'completed', 'saw', 1, 10, 0, null),
    ('an_b', 'c1', 6, '2025-03-31 01:00+00', 'completed', 'saw', 1, 100, 0, null);
select pg_temp.sell();

-- ---------------------------------------------------------------- assert

select is_empty(
    $$
    select z.name, d.day::date
    from unnest(array[
        'Atlantic/Azores', 'America/Havana', 'Asia/Beirut', 'America/Santiago', 'Africa/Cairo', 'America/Nuuk',
        'Australia/Lord_Howe', 'America/Los_Angeles', 'Asia/Kolkata', 'Pacific/Kiritimati'
    ]) as z (name)
    cross join generate_series(timestamp '2024-01-01', '2025-12-31', '1 day') as d (day)
    cross join lateral api._day_start(d.day::date, z.name) as s (moment)
    where (s.moment at time zone z.name)::date <> d.day::date
        or ((s.moment - interval '1 microsecond') at time zone z.name)::date <> d.day::date - 1
    $$,
    'a day begins at the first moment that has its date'
);
select is(api._day_start('-infinity', 'Asia/Beirut'), '-infinity', 'days without beginning have none');

-- Asked of the lines, of the rollup up to the day before, up to the day, and written anew from it on.
create temporary table steps (place integer, step text, statement text);
insert into steps
values
    (1, 'lines', 'select 1'),
    (2, 'day before stored', 'select zava.refresh_daily_sales(null, %1$L::date - 1)'),
    (3, 'day stored', 'select zava.refresh_daily_sales(null, %1$L)'),
    (4, 'stored anew', 'select zava.refresh_daily_sales(%1$L, %1$L::date + 1)');
create function pg_temp.told(p_name text, p_day date, p_statement text)
returns text
language plpgsql
as $function$
begin
    execute format(p_statement, p_day);
    return pg_temp.ask(p_name, format($$
        select
            (select array_agg((t.period_from - %1$L::date, t.revenue) order by t.period_from)
             from api.sales_trend(null, %1$L::date - 1, %1$L::date + 1) as t) as trend,
            (select array_agg(p.value order by p.metric)
             from api.store_performance((select store_id from retail.stores), %1$L, %1$L) as p
             where p.metric in ('revenue', 'orders', 'active_customers', 'new_customers')) as figures,
            (select sum(p.revenue) from api.top_products(null, %1$L, %1$L) as p) as products
    $$, p_day));
end;
$function$;
select is(
    pg_temp.told('an-b', '2025-03-30', s.statement),
    '("{""(-1,1.00)"",""(0,40.00)"",""(1,100.00)""}","{3,2,4,40.00}",40.00)',
    'what was sold when the hour before midnight was left out counts on the new day: ' || s.step
)
from (select * from steps order by place) as s;
select is(
    pg_temp.told('an-a', '2025-10-26', s.statement),
    '("{""(-1,1.00)"",""(0,40.00)"",""(1,100.00)""}","{3,2,4,40.00}",40.00)',
    'all that was sold on the long day counts on it: ' || s.step
)
from (select * from steps order by place) as s;
select results_eq(
    $$ select d.sold_on, d.orders, d.revenue from retail.daily_totals as d
       where d.store_id = md5('an_a')::uuid order by 1 $$,
    $$ values (date '2025-10-25', 1, 1.00), ('2025-10-26', 4, 40.00), ('2025-10-27', 1, 100.00) $$,
    'the rollup holds it whole'
);
select results_eq(
    $$ select d.sold_on, d.orders, d.revenue from retail.daily_totals as d
       where d.store_id = md5('an_b')::uuid order by 1 $$,
    $$ values (date '2025-03-29', 1, 1.00), ('2025-03-30', 4, 40.00), ('2025-03-31', 1, 100.00) $$,
    'and that one'
);
select is(
    (select sum(c.orders) from retail.daily_customers as c where c.sold_on = date '2025-10-26'),
    4::bigint, 'by customer too'
);
select throws_ok(
    $$ update retail.stores set time_zone = 'America/Nowhere' where store_key = 'an_a' $$,
    '22023', 'time zone "America/Nowhere" not recognized',
    'a zone that nobody knows would stop the reports of everybody who sees the store'
);

select throws_ok(
    format($$ update retail.%I set order_date = %L where store_id = md5('an_a')::uuid $$, k.name, k.moment),
    '23514', null,
    format('no sale lies outside the days that reports know: %s, %s', k.name, k.moment)
)
from (
    values ('orders', 'infinity'), ('orders', '-infinity'), ('order_items', 'infinity'),
        ('order_items', '2999-12-31 00:00+00')
) as k (name, moment);
truncate lines;
insert into lines
values
    ('an_b', 'c9', 91, timestamptz '1900-01-02 00:00+00', 'completed', 'saw', 1000000, 1, 0, null::integer),
    ('an_b', 'c9', 92, '2999-12-30 23:59:59.999999+00', 'return', 'saw', -1000000, 1, 0, 91);
update retail.stores set time_zone = 'Pacific/Kiritimati' where store_key = 'an_b';
select pg_temp.sell();
select is_empty(
    $$
    select r.call, a.answer
    from (
        values ('sales_trend()'), ('sales_trend(p_period => ''quarter'')'), ('top_products()'),
            ('category_performance()'), ('store_comparison()'), ('discount_impact()'),
            ('returns_analysis()'), ('seasonality()'), ('customer_segments()'),
            ('customer_cohorts()'), ('customer_lifetime_value()'), ('basket_affinity()'),
            ('inventory_status()'), ('sales_anomalies()'), ('sales_forecast()'),
            ('store_performance(md5(''an_b'')::uuid)')
    ) as r (call)
    cross join lateral pg_temp.ask('an-head', 'select count(*) from api.' || r.call) as a (answer)
    where a.answer ~ 'error'
    $$,
    'the first and the last day that there may be end no report'
);
select is(
    pg_temp.ask('an-head', $$ select returned_units, average_days from api.returns_analysis('an_b') $$),
    '(1000000,401766.0)',
    'a million pieces may come back after eleven centuries'
);
select * from finish();
rollback;
