-- Where a day, a period, a band or a rule ends: what lies on the edge counts, what lies past it does not.
begin;
select plan(91);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- Two stores 25 hours apart. On 5 March each sells at the first and at the last moment and takes one
-- piece back at the first; it does so too at the last moment before and the first one after. What is
-- pending or cancelled lies before and after all that. The customers of both have the same ids.
update retail.stores as s set time_zone = case s.store_key when 'an_a' then 'Pacific/Kiritimati'
    else 'Pacific/Pago_Pago' end
where s.store_key in ('an_a', 'an_b');
-- A third has not sold yet.
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values (md5('an_c')::uuid, 'an_c', 'C', 'Seattle', 0.1, '2020-01-01');
select zava.create_principal('an-c', 'store', '{an_c}');
create function pg_temp.at(p_store text, p_moment timestamp)
returns timestamptz
language sql
return p_moment at time zone (select s.time_zone from retail.stores as s where s.store_key = p_store);
insert into lines
select s.store, o.customer, o.number, pg_temp.at(s.store, o.moment::timestamp), o.status, p.product, o.pieces, 10, 4, o.returns
from (values ('an_a'), ('an_b')) as s (store)
cross join (
    values
        (1, 'c1', '2025-03-04 23:59:59.999999', 'completed', 1, null::integer),
        (2, 'c1', '2025-03-05 00:00', 'completed', 1, null),
        (3, 'c2', '2025-03-05 23:59:59.999999', 'completed', 1, null),
        (4, 'c2', '2025-03-06 00:00', 'completed', 1, null),
        (5, 'c1', '2025-03-05 00:00', 'return', -1, 1),
        (6, 'c1', '2025-03-06 00:00', 'return', -1, 1),
        (7, 'c1', '2025-03-04 23:59:59.999999', 'return', -1, 1),
        (8, 'c1', '2025-02-20 12:00', 'pending', 1, null),
        (9, 'c1', '2025-03-20 12:00', 'cancelled', 1, null),
        (15, 'c1', '2025-03-05 12:00', 'cancelled', 1, null)
) as o (number, customer, moment, status, pieces, returns)
cross join (values ('hammer'), ('saw')) as p (product)
where o.pieces > 0 or p.product = 'hammer';
insert into lines
values
    ('an_b', 'c2', 10, '2024-03-05 12:00+00', 'completed', 'saw', 1, 10, 4, null),
    -- Whoever brings back what was sold for cash has bought nothing, or not yet.
    ('an_a', null, 11, '2025-03-01 12:00+00', 'completed', 'hammer', 3, 10, 4, null),
    ('an_a', 'c3', 12, pg_temp.at('an_a', '2025-03-05 12:00'), 'return', 'hammer', -1, 10, 4, 11),
    ('an_a', 'c4', 13, '2025-03-02 12:00+00', 'return', 'hammer', -1, 10, 4, 11),
    ('an_a', 'c6', 16, pg_temp.at('an_a', '2025-03-06 00:00'), 'completed', 'tape', 1, 10, 4, null),
    ('an_a', 'c4', 14, pg_temp.at('an_a', '2025-03-05 12:00'), 'completed', 'tape', 1, 10, 4, null);
select pg_temp.sell();

-- ---------------------------------------------------------------- the edges of a day

select is(
    pg_temp.ask(a.name, 'select ' || k.columns || ' from api.' || k.call),
    a.answer,
    format('a day has its first and last moment and no other, in each zone: %s, %s', a.name, k.call)
)
from (
    values
        ($$ top_products(null, '2025-03-05', '2025-03-05') $$,
            'sum(units), sum(orders), sum(revenue), sum(returned_units)', '(3,5,30.00,2)', '(6,9,60.00,3)'),
        ($$ basket_affinity(null, '2025-03-05', '2025-03-05', p_min_support => 0) $$,
            'baskets, support_percent', '(2,66.67)', '(4,80.00)'),
        ($$ returns_analysis(null, '2025-03-05', '2025-03-05') $$,
            'sold_units, returned_units, average_days', '(5,2,2.0)', '(9,3,1.7)'),
        ($$ discount_impact(null, '2025-03-05', '2025-03-05') $$, 'sum(lines)', '(5)', '(9)'),
        ($$ category_performance(null, '2025-03-05', '2025-03-05') $$,
            'orders, units, previous_revenue', '(3,3,10.00)', '(5,6,20.00)'),
        ($$ sales_trend(null, '2025-03-05', '2025-03-05') $$, 'orders, units, revenue', '(3,3,30.00)', '(5,6,60.00)'),
        ($$ store_comparison('2025-03-05', '2025-03-05') $$, 'sum(orders), sum(units)', '(3,3)', '(5,6)'),
        ($$ customer_segments(null, '2025-03-05', '2025-03-05') $$,
            'sum(customers), sum(orders), sum(revenue)', '(3,3,40.00)', '(5,5,70.00)'),
        ($$ customer_cohorts(null, '2025-03-05', '2025-03-05') $$,
            'cohort, customers, active_customers, revenue', '(2025-03-01,3,3,40.00)', '(2025-03-01,4,4,60.00)'),
        ($$ customer_lifetime_value(null, '2025-03-05', '2025-03-05') $$,
            'count(*), sum(orders), sum(revenue)', '(3,4,40.00)', '(5,8,90.00)'),
        ($$ store_performance(md5('an_a')::uuid, '2025-03-05', '2025-03-05') where metric in ('active_customers', 'new_customers') $$,
            'array_agg(value order by metric)', '("{3,2}")', '("{3,2}")')
) as k (call, columns, store, head)
cross join lateral (values ('an-a', k.store), ('an-head', k.head)) as a (name, answer);
select is(
    pg_temp.ask('an-a', $$ select customer, first_order_on, orders from api.customer_lifetime_value(p_to => '2025-03-05') where customer ~ 'c[34]' $$),
    '("c4 Test",2025-03-05,1)',
    'what was brought back makes nobody a customer, nor one from that day on'
);
select is(
    pg_temp.ask(p.name, 'select api._oldest_day(null), api._newest_day()'), p.days,
    'sales begin and end with what was sold: ' || p.name
)
from (values ('an-a', '(2025-03-02,2025-03-06)'), ('an-head', '(2024-03-05,2025-03-06)')) as p (name, days);
select is(
    pg_temp.ask('an-head', $$ select api._oldest_day(array[md5('an_a')::uuid]) $$), '(2025-03-02)',
    'those of one store with its own'
);

-- ---------------------------------------------------------------- the edges of what is stored

select results_eq(
    $$ select r.store_key, r.rolled_up_to, r.changed_rows > 0 from zava.refresh_daily_sales() as r $$,
    $$ values ('an_a', date '2025-03-20', true), ('an_b', '2025-03-20', true), ('an_c', null, false) $$,
    'all days are stored'
);
select is(
    (select array_agg(r.changed_rows) from zava.refresh_daily_sales('-infinity') as r), '{0,0,0}',
    'and stay as they are'
);
create function pg_temp.told(p_a date, p_b date)
returns text
language plpgsql
as $function$
begin
    update retail.stores as s set rolled_up_to = case s.store_key when 'an_a' then p_a else p_b end
    where s.store_key in ('an_a', 'an_b');
    return (
        select string_agg(format('%s %s %s', s.store_key, to_char(d.day, 'DD'), d.revenue::integer), ', ' order by s.store_key, d.day)
        from api._daily_revenue(array[md5('an_a')::uuid, md5('an_b')::uuid], '2025-03-01', '2025-03-06') as d
        join retail.stores as s on s.store_id = d.store_id
        where d.day >= '2025-03-04' or s.store_key = 'an_a'
    ) || pg_temp.ask('an-head', $$ select sum(orders), sum(revenue) from api.customer_lifetime_value(p_to => '2025-03-05') $$)
    || pg_temp.ask('an-head', $$ select sum(orders), sum(units), sum(margin) from api.sales_trend(null, '2025-03-01', '2025-03-05') $$);
end;
$function$;
select is(
    pg_temp.told(m.a::date, m.b::date),
    'an_a 02 30, an_a 03 -10, an_a 04 10, an_a 05 30, an_a 06 20, an_b 04 10, an_b 05 30, an_b 06 10(8,90.00)(8,10,60.00)',
    format('a day is told once, wherever it is kept: stored to %s and %s', coalesce(m.a, 'none'), coalesce(m.b, 'none'))
)
from (
    values (null, null), ('2025-03-04', null), (null, '2025-03-04'), ('2025-03-05', '2025-03-04'),
        ('2025-03-04', '2025-03-05'), ('2025-03-06', '2025-03-04'), ('2025-03-06', '2025-03-06')
) as m (a, b);
update retail.orders set status = 'cancelled'
where store_id = md5('an_a')::uuid and order_id = pg_temp.id(14);
update retail.order_items set unit_cost = unit_cost + 1
where store_id = md5('an_b')::uuid and order_id = pg_temp.id(4);
select is(
    (select array_agg(r.changed_rows order by r.store_key) from zava.refresh_daily_sales('2025-03-06', '2025-03-06') as r), '{0,3,0}',
    'a day by itself is stored anew'
);
select is(
    (select array_agg(r.changed_rows order by r.store_key) from zava.refresh_daily_sales('2025-03-01') as r), '{3,0,0}',
    'a customer whose order was cancelled has other days, others have that day'
);
select is_empty(
    $$ select from retail.daily_customers as d
       where d.store_id = md5('an_a')::uuid and d.customer_id = md5('c4')::uuid and d.sold_on = '2025-03-05' $$,
    'but this one is gone'
);
update retail.stores set rolled_up_to = '2025-03-04' where store_key = 'an_a';
delete from retail.daily_totals where store_id = md5('an_a')::uuid and sold_on > '2025-03-04';
select zava.refresh_daily_sales('2025-03-06');
select is(
    (select array_agg(d.sold_on::text order by d.sold_on) from retail.daily_totals as d
     where d.store_id = md5('an_a')::uuid and d.sold_on > '2025-03-04'),
    '{2025-03-05,2025-03-06}', 'a refresh leaves no day out between what is stored and p_from'
);

-- ---------------------------------------------------------------- the edges of what is not given

-- One sale of each on the first day that counts and on the day before it, of all lengths of period. On
-- each but the last day of all, a product, a customer and a price of its own.
truncate lines;
insert into lines
select 'an_c', o.customer, o.days, (date '2026-01-31' - o.days + time '12:00') at time zone 'America/Los_Angeles', 'completed', p.name, 1,
    100 + o.days, 1, null::integer
from (
    values (0, 'd1'), (1, 'd2'), (29, 'd3'), (30, 'd4'), (89, 'd5'), (90, 'd6'), (364, 'd7'), (365, 'd8'),
        (729, 'd1'), (730, 'd9'), (800, 'd9')
) as o (days, customer)
cross join lateral (
    values ('saw'), (case when o.days % 2 = 0 then 'hammer' else 'tape' end)
) as p (name)
union all
select 'an_c', 'd1', 1000, '2025-02-15 12:00-08', 'return', 'hammer', -1, 100, 1, 0;
select pg_temp.sell();
select is(
    pg_temp.ask('an-c', format('select * from api.' || k.call, '')),
    pg_temp.ask('an-c', format('select * from api.' || k.call, format('%s => %L', coalesce(k.name, 'p_from'), date '2026-01-31' - k.days))),
    'begins as told when no day is given: ' || k.call
)
from (
    values
        ('top_products(%s)', 29, null), ('category_performance(%s)', 29, null), ('store_comparison(%s)', 29, null),
        ('discount_impact(%s)', 29, null), ('returns_analysis(%s)', 29, null), ('sales_trend(%s)', 29, null),
        ('basket_affinity(p_min_support => 0 %s)', 364, ', p_from'), ('customer_segments(%s)', 364, null),
        ('customer_lifetime_value(%s)', 729, null), ('customer_cohorts(%s)', 365 - 28, null),
        ('sales_anomalies(p_threshold => 0.5 %s)', 89, ', p_from')
) as k (call, days, name);
select isnt(
    pg_temp.ask('an-c', format('select * from api.' || k.call, date '2026-01-31' - k.days)),
    pg_temp.ask('an-c', format('select * from api.' || k.call, date '2026-01-31' - k.days - 1)),
    'and a day more is another answer: ' || k.call
)
from (
    values
        ('top_products(p_from => %L)', 29), ('basket_affinity(p_min_support => 0, p_from => %L)', 364),
        ('customer_segments(p_from => %L)', 364), ('customer_lifetime_value(p_from => %L)', 729)
) as k (call, days);
select is(
    pg_temp.ask('an-c', format('select min(period_from), count(*) from api.sales_trend(p_period => %L)', k.period)),
    k.answer, 'a trend by ' || k.period || ' is as long as told'
)
from (
    values ('day', '(2026-01-02,30)'), ('week', '(2025-11-03,13)'), ('month', '(2025-02-01,12)'),
        ('quarter', '(2024-04-01,8)')
) as k (period, answer);
select is(
    pg_temp.ask('an-c', format($$ select count(*) from api.sales_trend(p_from => date '2026-01-31' - %s) $$, k.days)),
    k.answer, format('a trend of %s days', k.days + 1)
)
from (values (3999, '(4000)'), (4000, 'error 22023: more than 4000 periods (day) from 2015-02-18 to 2026-01-31')) as k (days, answer);
select is(
    pg_temp.ask('an-c', format($$ select count(*) from api.sales_forecast(p_horizon => %s, p_to => '2024-03-02') $$, k.days)),
    k.answer, format('with 101 days of sales, %s days ahead', k.days)
)
from (values (73, '(73)'), (74, 'error 22023: a forecast of 74 days needs 102 days of sales, there are 101')) as k (days, answer);

select is(
    pg_temp.ask('an-c', $$ select string_agg(concat_ws(' ', to_char(period_from, 'DD'), moving_average, growth_percent), ', ' order by period_from)
        from api.sales_trend(p_from => '2023-11-23', p_to => '2023-11-29') $$),
    '("23, 24 -100.00, 25, 26, 27, 28, 29 257.14")',
    'averages and growth begin with the day of the first sale'
);
select is(
    pg_temp.ask('an-c', format('select distinct backtest_days from api.sales_forecast(p_horizon => %s)', k.days)),
    k.answer, format('a forecast of %s days is tested on as many as told', k.days)
)
from (values (180, '(360)'), (30, '(120)'), (7, '(112)')) as k (days, answer);

-- ---------------------------------------------------------------- the edges of discounts

-- A hundred with as much off as a band takes and a cent more; ten cents, of which 5 % is a whole one.
insert into retail.orders (store_id, order_id, order_date, status, total_amount)
values (md5('an_c')::uuid, pg_temp.id(2000), '2020-06-01 12:00-07', 'completed', 800.09 - 100.04);
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_amount, total_amount
)
select md5('an_c')::uuid, pg_temp.id(2000), row_number() over (), md5('saw')::uuid,
    '2020-06-01 12:00-07', 1, d.price, 1, d.off, d.price - d.off
from (
    values (100, 0), (100, 0.01), (100, 5), (100, 5.01), (100, 10), (100, 10.01), (100, 15), (100, 15.01),
        (100, 20), (100, 20.01), (0.10, 0.01)
) as d (price, off);
select is(
    pg_temp.ask('an-c', $$ select string_agg(format('%s: %s', d.lines, d.discount_amount), ', ') from api.discount_impact(null, '2020-06-01', '2020-06-01') as d $$),
    '("1: 0.00, 3: 5.02, 2: 15.01, 2: 25.01, 2: 35.01, 1: 20.01")',
    'a band ends at the cent that it comes to'
);

-- ---------------------------------------------------------------- the edges of what is told

select is(
    api._insights(k.metric, k.value, k.previous, k.year_ago, k.days)::text, k.told,
    format('%s of %s after %s and %s', k.metric, k.value, k.previous, k.year_ago)
)
from (
    values
        ('revenue', 105, 100, null, 1, '{"Revenue rose by 5.0 %, compared with the day before."}'),
        ('revenue', 104.99, 100, null, 2, '{}'),
        ('orders', 95, 200, 100, 2, '{"The number of orders fell by 52.5 %, compared with the 2 days before.","The number of orders fell by 5.0 %, compared with the same days a year ago."}'),
        ('orders', 95.01, 100, null, 2, '{}'),
        ('orders', 5, 0, 0, 2, '{}'),
        ('margin_percent', 31, 30, 30.01, 2, '{"The margin rose by 1.0 points to 31.0 %, compared with the 2 days before."}'),
        ('margin_percent', 10.9, 10, null, 2, '{}'),
        ('return_rate', 10, 10, null, 2, '{"For 100 pieces sold, 10.0 came back."}'),
        ('return_rate', 9.99, 9.99, null, 2, '{}'),
        ('revenue', 0, 100, 0, 2, '{"There was no revenue in this period."}'),
        ('revenue', 1, 0, 0, 1, '{"There was no revenue just before to compare with.","There was no revenue a year ago to compare with."}'),
        ('units', 9, 1, 1, 1, '{}')
) as k (metric, value, previous, year_ago, days, told);

-- ---------------------------------------------------------------- what differs in case alone

insert into retail.categories (category_id, name)
values (md5('t1')::uuid, 'tools'), (md5('t2')::uuid, 'TOOLS');
select is(
    pg_temp.ask('an-head', format($$ select api._category_id(%L) = %L $$, k.asked, md5(k.id))), '(t)',
    format('a category is the one that is written so: %s', k.asked)
)
from (values ('Tools', 'tools'), (' tools', 't1'), ('TOOLS', 't2')) as k (asked, id);

-- ---------------------------------------------------------------- what is no number

insert into retail.inventory (store_id, product_id, price, unit_cost)
values (md5('an_a')::uuid, md5('saw')::uuid, 10, 4);
select throws_ok(
    'update retail.' || k.change, '23514', null,
    'one amount that is no number would make every sum it is in none: ' || k.change
)
from (
    values ($$ orders set total_amount = 'NaN' $$), ($$ orders set tax_amount = 'NaN' $$),
        ($$ order_items set unit_price = 'NaN', total_amount = 'NaN' $$),
        ($$ order_items set discount_amount = 'NaN', total_amount = 'NaN' $$),
        ($$ order_items set total_amount = 'NaN' $$), ($$ order_items set unit_cost = 'NaN' $$),
        ($$ inventory set price = 'NaN' $$), ($$ inventory set unit_cost = 'NaN' $$),
        ($$ products set list_price = 'NaN' $$)
) as k (change);
select * from finish();
rollback;
