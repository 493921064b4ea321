-- Reports on sales: a few orders written down by hand, and what every report must say about them.
-- Then the same answers once more with the rollup filled half and whole, and who sees what.
begin;
select plan(79);

-- ---------------------------------------------------------------- arrange

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select md5(k)::uuid, k, upper(k), 'Seattle', 0.1, '2020-01-01'
from unnest(array['an_a', 'an_b']) as k;
insert into retail.categories (category_id, name)
select md5(n)::uuid, n from unnest(array['An Tools', 'An Paint']) as n;
insert into retail.product_types (type_id, category_id, name)
select md5(n || ' type')::uuid, md5(n)::uuid, n || ' type'
from unnest(array['An Tools', 'An Paint']) as n;
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(p.sku)::uuid, p.sku, p.name, 'd', md5(p.category)::uuid,
    md5(p.category || ' type')::uuid, p.price
from (
    values ('an-h', 'Hammer', 'An Tools', 10), ('an-s', 'Saw', 'An Tools', 20),
        ('an-p', 'Paint', 'An Paint', 30)
) as p (sku, name, category, price);
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select md5(s)::uuid, md5(c)::uuid, c, c, c || '@example.com', 'Seattle', '2020-01-01'
from (values ('an_a', 'c1'), ('an_a', 'c2'), ('an_a', 'c3'), ('an_b', 'c4')) as v (s, c);

-- The first and last orders of March 2024 lie on other days in UTC, and clocks change on March 10.
insert into retail.orders (
    store_id, order_id, customer_id, order_date, status, return_of, total_amount
)
select md5(o.store)::uuid, md5(o.name)::uuid, md5(o.customer)::uuid,
    o.moment::timestamp at time zone 'America/Los_Angeles', o.status, md5(o.return_of)::uuid, o.total
from (
    values
        ('an_a', 'a10', 'c2', '2023-03-05 12:00', 'completed', null, 30),
        ('an_a', 'a11', 'c3', '2024-02-25 12:00', 'cancelled', null, 10),
        ('an_a', 'a8', 'c1', '2024-02-29 23:45', 'completed', null, 20),
        ('an_a', 'a1', 'c1', '2024-03-01 00:15', 'completed', null, 47),
        ('an_b', 'b1', 'c4', '2024-03-02 12:00', 'completed', null, 64),
        ('an_a', 'a2', 'c2', '2024-03-05 12:00', 'completed', null, 19),
        ('an_a', 'a3', null, '2024-03-06 12:00', 'completed', null, 10),
        ('an_a', 'a4', 'c1', '2024-03-07 12:00', 'return', 'a1', -10),
        ('an_a', 'a5', 'c2', '2024-03-08 12:00', 'cancelled', null, 150),
        ('an_a', 'a6', 'c2', '2024-03-09 12:00', 'pending', null, 90),
        ('an_a', 'a7', 'c3', '2024-03-10 23:30', 'completed', null, 45),
        ('an_a', 'a9', 'c1', '2024-03-11 00:30', 'completed', null, 10)
) as o (store, name, customer, moment, status, return_of, total);
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    discount_amount, total_amount, return_of_order_id, return_of_line_number
)
select o.store_id, o.order_id, l.line, md5(l.sku)::uuid, o.order_date, l.quantity, l.price, l.cost,
    l.discount, l.quantity * l.price - l.discount, o.return_of, case when l.quantity < 0 then 1 end
from (
    values
        ('a10', 1, 'an-p', 1, 30, 20, 0),
        ('a11', 1, 'an-h', 1, 10, 6, 0),
        ('a8', 1, 'an-s', 1, 20, 13, 0),
        ('a1', 1, 'an-h', 2, 10, 6, 0),
        ('a1', 2, 'an-p', 1, 30, 20, 3),
        ('b1', 1, 'an-s', 4, 20, 12, 16),
        ('a2', 1, 'an-s', 1, 20, 13, 1),
        ('a3', 1, 'an-h', 1, 10, 6, 0),
        ('a4', 1, 'an-h', -1, 10, 6, 0),
        ('a5', 1, 'an-p', 5, 30, 20, 0),
        ('a6', 1, 'an-h', 9, 10, 6, 0),
        ('a7', 1, 'an-p', 2, 30, 20, 15),
        ('a9', 1, 'an-h', 1, 10, 6, 0)
) as l (name, line, sku, quantity, price, cost, discount)
join retail.orders as o on o.order_id = md5(l.name)::uuid;

select zava.create_principal('an-a', 'store', '{an_a}');
select zava.create_principal('an-b', 'store', '{an_b}');
select zava.create_principal('an-region', 'region', '{an_a,an_b}');
select zava.create_principal('an-head', 'head');
\ir shared/context.sql

-- The rows of a query as its caller sees them, or what it is told; no name, no context.
create function pg_temp.ask(p_name text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_answer text;
    v_hint text;
begin
    perform set_config('zava.context', coalesce(pg_temp.context(p_name), ''), true);
    execute format(
        'set local role %I',
        coalesce((select p.role_name from zava.principals as p where p.name = p_name), 'zava_store_an_a')
    );
    execute format('select string_agg(btrim(q::text, ''()''), e''\n'') from (%s) as q', p_query)
    into v_answer;
    reset role;
    return v_answer;
exception
    when others then
        get stacked diagnostics v_hint = pg_exception_hint;
        return concat_ws(' | ', sqlstate, sqlerrm, v_hint);
end;
$function$;

create temporary table march (a text, b text);
insert into march values (
    '''an_a'', ''2024-03-01'', ''2024-03-10''', 'null, ''2024-03-01'', ''2024-03-10'''
);

-- ---------------------------------------------------------------- store_performance

create function pg_temp.performance(p_metric text)
returns text
language sql
as $function$
    select pg_temp.ask('an-a', format(
        $$ select p.unit, p.value, p.previous, p.change, p.year_ago, p.year_change, p.insights
           from api.store_performance(md5('an_a')::uuid, '2024-03-01', '2024-03-10') as p
           where p.metric = %L $$, p_metric
    ));
$function$;

select is(pg_temp.performance(e.metric), e.expected, 'store_performance: ' || e.metric)
from (
    values
        (1, 'revenue', 'USD,111.00,20.00,455.00,30.00,270.00,"{""Revenue rose by 455.0 %, compared with the 10 days before."",""Revenue rose by 270.0 %, compared with the same days a year ago.""}"'),
        (2, 'gross_revenue', 'USD,121.00,20.00,505.00,30.00,303.33,{}'),
        (3, 'orders', 'count,4,1,300.00,1,300.00,"{""The number of orders rose by 300.0 %, compared with the 10 days before."",""The number of orders rose by 300.0 %, compared with the same days a year ago.""}"'),
        (4, 'units', 'count,6,1,500.00,1,500.00,{}'),
        (5, 'average_basket', 'USD,30.25,20.00,51.25,30.00,0.83,"{""The average basket rose by 51.3 %, compared with the 10 days before.""}"'),
        (6, 'margin', 'USD,26.00,7.00,271.43,10.00,160.00,{}'),
        (7, 'margin_percent', 'percent,23.42,35.00,-11.58,33.33,-9.91,"{""The margin fell by 11.6 points to 23.4 %, compared with the 10 days before."",""The margin fell by 9.9 points to 23.4 %, compared with the same days a year ago.""}"'),
        (8, 'returned_units', 'count,1,0,,0,,{}'),
        (9, 'returned_revenue', 'USD,10.00,0.00,,0.00,,{}'),
        (10, 'return_rate', 'percent,14.29,0.00,14.29,0.00,14.29,"{""The return rate rose by 14.3 points to 14.3 %, compared with the 10 days before."",""The return rate rose by 14.3 points to 14.3 %, compared with the same days a year ago."",""For 100 pieces sold, 14.3 came back.""}"'),
        (11, 'active_customers', 'count,3,1,200.00,1,200.00,"{""The number of active customers rose by 200.0 %, compared with the 10 days before."",""The number of active customers rose by 200.0 %, compared with the same days a year ago.""}"'),
        (12, 'new_customers', 'count,1,1,0.00,1,0.00,{}'),
        (13, 'returning_customers', 'count,2,0,,0,,{}')
) as e (place, metric, expected)
order by e.place;
select is(
    pg_temp.ask('an-a', $$ select p.period_from, p.period_to, count(*)
        from api.store_performance(md5('an_a')::uuid) as p group by 1, 2 $$),
    '2024-02-11,2024-03-11,13',
    'store_performance: 30 days up to the newest sale unless told otherwise'
);
select is(
    pg_temp.ask('an-a', $$ select p.value, p.insights
        from api.store_performance(md5('an_a')::uuid, '2023-06-01', '2023-06-01') as p
        where p.metric in ('revenue', 'average_basket', 'return_rate') $$),
    e'0.00,"{""There was no revenue in this period.""}"\n,{}\n,{}',
    'store_performance: a period without sales has no ratios, and says so'
);
select is(
    pg_temp.ask('an-a', $$ select p.insights
        from api.store_performance(md5('an_a')::uuid, '2023-03-05', '2023-03-05') as p
        where p.metric = 'revenue' $$),
    '"{""There was no revenue just before to compare with."",""There was no revenue a year ago to compare with.""}"',
    'store_performance: nothing to compare with is said too'
);

-- ---------------------------------------------------------------- sales_trend

select is(
    pg_temp.ask('an-a', $$ select t.period_from, t.revenue, t.moving_average, t.growth_percent,
            t.year_ago_revenue, t.year_growth_percent
        from api.sales_trend('an_a', '2024-03-01', '2024-03-10') as t $$),
    '2024-03-01,47.00,9.57,135.00,,
2024-03-02,0.00,9.57,-100.00,,
2024-03-03,0.00,9.57,,30.00,-100.00
2024-03-04,0.00,9.57,,0.00,
2024-03-05,19.00,12.29,,0.00,
2024-03-06,10.00,13.71,-47.37,0.00,
2024-03-07,-10.00,9.43,-200.00,0.00,
2024-03-08,0.00,2.71,,0.00,
2024-03-09,0.00,2.71,,0.00,
2024-03-10,45.00,9.14,,0.00,',
    'sales_trend: days without sales are there; averages and growth look back beyond the period'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.sales_trend(
        p_from => '2024-02-01', p_to => '2024-03-31', p_category => 'an paint', p_period => 'month'
    ) $$),
    '2024-02-01,2024-02-29,t,0.00,0.00,0,0,,0.00,,0.00,,,
2024-03-01,2024-03-31,t,72.00,72.00,2,3,36.00,12.00,16.67,24.00,,,',
    'sales_trend: months of one category'
);
select is(
    pg_temp.ask('an-a', $$ select t.period_from, t.period_to, t.is_complete, t.revenue,
            t.moving_average, t.growth_percent, t.year_ago_revenue
        from api.sales_trend(p_from => '2024-02-28', p_to => '2024-03-10', p_period => 'week') as t $$),
    '2024-02-28,2024-03-03,f,67.00,,,
2024-03-04,2024-03-10,t,64.00,,,0.00',
    'sales_trend: a week cut off is marked and not compared with the next'
);
select is(
    pg_temp.ask('an-a', $$ select t.period_from, t.period_to, t.is_complete, t.orders
        from api.sales_trend(p_to => '2024-03-10', p_period => 'quarter') as t
        where t.orders > 0 $$),
    e'2023-01-01,2023-03-31,t,1\n2024-01-01,2024-03-10,f,5',
    'sales_trend: quarters reach back two years by default'
);

-- ---------------------------------------------------------------- the other reports

select is(
    pg_temp.ask('an-a', $$ select t.rank, t.sku, t.product, t.category, t.product_type, t.revenue,
            t.revenue_percent, t.units, t.orders, t.margin, t.margin_percent, t.returned_units,
            t.return_rate
        from api.top_products('an_a', '2024-03-01', '2024-03-10') as t $$),
    '1,an-p,Paint,"An Paint","An Paint type",72.00,64.86,3,2,12.00,16.67,0,0.00
2,an-h,Hammer,"An Tools","An Tools type",20.00,18.02,2,2,8.00,40.00,1,33.33
3,an-s,Saw,"An Tools","An Tools type",19.00,17.12,1,1,6.00,31.58,0,0.00',
    'top_products: by revenue'
);
select is(
    pg_temp.ask('an-head', $$ select t.sku, t.units, t.revenue_percent
        from api.top_products(null, '2024-03-01', '2024-03-10', 'An Tools', 'units', 1) as t $$),
    'an-s,5,80.58',
    'top_products: by units in a category, over all stores'
);
select is(
    pg_temp.ask('an-a', $$ select p.sku from api.top_products(p_from => '2024-03-01', p_by => 'margin') as t
        join retail.products as p on p.product_id = t.product_id order by t.rank $$),
    e'an-h\nan-p\nan-s',
    'top_products: by margin, equal ones by sku, joined with the catalogue'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.category_performance('an_a', '2024-03-01', '2024-03-10')
        as c where c.category like 'An %' $$),
    '"An Paint",72.00,64.86,72.00,2,3,12.00,16.67,18.00,0,0.00,0.00,,30.00,140.00
"An Tools",39.00,35.14,49.00,3,3,14.00,35.90,1.00,1,25.00,20.00,95.00,0.00,',
    'category_performance'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.store_comparison('2024-03-01', '2024-03-10') $$),
    '1,an_a,AN_A,111.00,63.43,4,6,30.25,26.00,23.42,14.29,20.00,455.00,30.00,270.00
2,an_b,AN_B,64.00,36.57,1,4,64.00,16.00,25.00,0.00,0.00,,0.00,',
    'store_comparison: by revenue'
);
select is(
    pg_temp.ask('an-region', $$ select c.rank, c.store_key
        from api.store_comparison('2024-02-20', '2024-03-02', 'orders') as c $$),
    e'1,an_a\n2,an_b',
    'store_comparison: by orders'
);
select is(
    pg_temp.ask('an-region', $$ select c.rank, c.store_key
        from api.store_comparison('2024-03-11', '2024-03-12', 'growth') as c $$),
    e'1,an_a\n2,an_b',
    'store_comparison: by growth, unknown growth last'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.discount_impact('an_a', '2024-03-01', '2024-03-10') $$),
    'none,2,40.00,3,1.50,30.00,0.00,0.00,30.00,24.79,12.00,40.00
"up to 5 %",1,20.00,1,1.00,20.00,1.00,5.00,19.00,15.70,6.00,31.58
"up to 10 %",1,20.00,1,1.00,30.00,3.00,10.00,27.00,22.31,7.00,25.93
"up to 15 %",0,0.00,0,,0.00,0.00,,0.00,0.00,0.00,
"up to 20 %",0,0.00,0,,0.00,0.00,,0.00,0.00,0.00,
"over 20 %",1,20.00,2,2.00,60.00,15.00,25.00,45.00,37.19,5.00,11.11',
    'discount_impact'
);
select is(
    pg_temp.ask('an-b', $$ select d.discount, d.units, d.revenue
        from api.discount_impact(p_from => '2024-03-01', p_category => 'An Tools') as d
        where d.lines > 0 $$),
    '"up to 20 %",4,64.00',
    'discount_impact: of one category'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.returns_analysis('an_a', '2024-03-01', '2024-03-10') $$),
    '"An Tools","An Tools",4,1,25.00,100.00,10.00,4.00,6.0
"An Paint","An Paint",3,0,0.00,0.00,0.00,0.00,',
    'returns_analysis: by category'
);
select is(
    pg_temp.ask('an-head', format(
        $$ select r.item, r.name, r.sold_units, r.returned_units
           from api.returns_analysis(p_from => '2024-02-20', p_by => %L, p_limit => 2) as r $$, e.by
    )),
    e.expected,
    'returns_analysis: by ' || e.by
)
from (
    values
        (1, 'product', e'an-h,Hammer,4,1\nan-p,Paint,3,0'),
        (2, 'product_type', e'"An Tools type","An Tools type",10,1\n"An Paint type","An Paint type",3,0'),
        (3, 'store', e'an_a,AN_A,9,1\nan_b,AN_B,4,0'),
        (4, 'month', e'2024-02,"February 2024",1,0\n2024-03,"March 2024",12,1')
) as e (place, by, expected)
order by e.place;
select is(
    pg_temp.ask('an-head', $$ select r.item from api.returns_analysis(
        p_from => '2023-01-01', p_by => 'month', p_limit => 2) as r $$),
    e'2024-02\n2024-03',
    'returns_analysis: of more months than are asked for, the last'
);

-- ---------------------------------------------------------------- errors

select is(pg_temp.ask('an-a', e.query), e.expected, e.what)
from (
    values
        (1, $$ select * from api.store_performance(md5('an_b')::uuid) $$,
            '42501 | store ' || md5('an_b')::uuid || ' is not visible to you | retail.stores has the ids of your stores, api.whoami() their keys.',
            'another store''s id is not visible'),
        (2, $$ select * from api.store_performance(md5('no such')::uuid) $$,
            '42501 | store ' || md5('no such')::uuid || ' is not visible to you | retail.stores has the ids of your stores, api.whoami() their keys.',
            'an id that no store has gets the same answer'),
        (3, $$ select * from api.top_products('an_b') $$,
            '42501 | store an_b is not visible to you | Did you mean an_a? api.whoami() lists the keys of your stores.',
            'another store''s key is not visible'),
        (4, $$ select * from api.sales_trend('an_c') $$,
            '42501 | store an_c is not visible to you | Did you mean an_a? api.whoami() lists the keys of your stores.',
            'a key that no store has gets the same answer'),
        (5, $$ select * from api.store_comparison('2024-03-02', '2024-03-01') $$,
            '22023 | p_to (2024-03-01) is before p_from (2024-03-02) | Swap the two dates.',
            'a reversed range is refused'),
        (6, $$ select * from api.discount_impact(p_to => 'infinity') $$,
            '22023 | date out of range: infinity | Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.',
            'an endless range is refused'),
        (7, $$ select * from api.sales_trend(p_period => 'year') $$,
            '22023 | year is not a choice of p_period | Use one of: day, week, month, quarter.',
            'an unknown period is refused with the choices'),
        (8, $$ select * from api.top_products(p_by => null) $$,
            '22023 | null is not a choice of p_by | Use one of: revenue, units, margin.',
            'null is no choice'),
        (9, $$ select * from api.top_products(p_limit => 1001) $$,
            '22023 | p_limit out of range: 1001 | Use a number from 1 to 1000.',
            'a limit has a ceiling'),
        (10, $$ select * from api.returns_analysis(p_limit => 0) $$,
            '22023 | p_limit out of range: 0 | Use a number from 1 to 1000.',
            'a limit has a floor'),
        (11, $$ select * from api.seasonality(p_years => 0) $$,
            '22023 | p_years out of range: 0 | Use a number from 1 to 10.',
            'no years are refused'),
        (12, $$ select * from api.store_comparison(p_by => 'size') $$,
            '22023 | size is not a choice of p_by | Use one of: revenue, margin, orders, units, growth.',
            'an unknown rank is refused'),
        (13, $$ select * from api.customer_segments(p_to => '4713-01-01 BC') $$,
            '22023 | date out of range: 4713-01-01 BC | Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.',
            'the first day of all days is refused in words too'),
        (14, $$ select * from api.sales_trend(p_to => '5874897-12-31') $$,
            '22023 | date out of range: 5874897-12-31 | Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.',
            'the date that is refused is the one that was given'),
        (15, $$ select count(*) from api.sales_trend(p_to => '1900-01-01') $$, '30',
            'days before the first that may be named are reached by default'),
        (16, $$ select count(*) from api.sales_anomalies(p_from => '1900-01-01') $$, '0',
            'and those that a report looks back to'),
        (17, $$ select * from api.sales_anomalies(p_threshold => 1e300) $$,
            '22023 | p_threshold out of range: 1' || repeat('0', 59) || ' | Use a number from 0.5 to 100.',
            'a long number is cut')
) as e (place, query, expected, what)
order by e.place;
select matches(
    pg_temp.ask('an-a', $$ select * from api.category_performance('an_a', '2024-03-02', '2024-03-01') $$),
    '^22023 ', 'category_performance refuses a reversed range'
);
select matches(
    pg_temp.ask('an-a', $$ select * from api.discount_impact(p_category => 'an pant') $$),
    '^22023 \| there is no category an pant \| Did you mean An Paint\?',
    'an unknown category gets the nearest one'
);

-- On March 7 the hammer came back, and nothing was sold.
select is(
    pg_temp.ask('an-a', $$ select t.revenue, t.margin, t.revenue_percent, t.margin_percent, t.return_rate
        from api.top_products('an_a', '2024-03-07', '2024-03-07') as t
        union all
        select s.revenue, s.margin, s.revenue_percent, s.margin_percent, s.return_rate
        from api.store_comparison('2024-03-07', '2024-03-07') as s $$),
    e'-10.00,-4.00,,,\n-10.00,-4.00,,,',
    'what came back is no share of the revenue, and its margin none in percent'
);

-- ---------------------------------------------------------------- days to come

-- Today is the day of the stores.
set local time zone 'America/Los_Angeles';
select is(
    pg_temp.ask('an-a', $$ select distinct p.period_from, p.period_to
        from api.store_performance(md5('an_a')::uuid, current_date - 9, '2999-12-31') as p $$),
    concat_ws(',', current_date - 9, current_date),
    'days to come are left out, so that as many are compared'
);
select is(
    pg_temp.ask('an-a', $$ select min(t.period_from), max(t.period_to)
        from api.sales_trend(p_to => '2999-12-31') as t $$),
    concat_ws(',', current_date - 29, current_date),
    'a trend ends today, and begins 29 days before'
);
select is(
    pg_temp.ask('an-a', $$ select t.period_from, t.revenue
        from api.sales_trend(p_from => '2999-12-01', p_to => '2999-12-31') as t $$),
    '2999-12-01,0.00',
    'of days that are all to come, the first is left'
);
select is(
    pg_temp.ask('an-a', $$ select max(t.period_to) from api.sales_trend(p_to => current_date) as t $$),
    current_date::text,
    'today is no day to come, though nothing was sold since long'
);
savepoint sold_in_advance;
update retail.orders as o set order_date = (current_date + 3 + time '12:00') at time zone 'America/Los_Angeles'
where o.order_id = md5('a9')::uuid;
select is(
    pg_temp.ask('an-a', $$ select max(t.period_to) from api.sales_trend(p_to => '2999-12-31') as t $$),
    (current_date + 3)::text,
    'nor is the day of the newest sale'
);
rollback to sold_in_advance;
reset time zone;

-- ---------------------------------------------------------------- who sees what

create temporary table reports as
select * from (
    values
        ('sales_trend', $$ select * from api.sales_trend(%s, p_period => 'month') $$),
        ('sales_trend of a category',
            $$ select * from api.sales_trend(%s, p_category => 'An Tools', p_period => 'week') $$),
        ('top_products', $$ select * from api.top_products(%s) $$),
        ('category_performance', $$ select * from api.category_performance(%s) $$),
        ('discount_impact', $$ select * from api.discount_impact(%s) $$),
        ('returns_analysis', $$ select * from api.returns_analysis(%s) $$)
) as r (name, query);

create function pg_temp.answer(p_name text, p_store text)
returns text
language sql
as $function$
    select string_agg(
        r.name || ': ' || coalesce(pg_temp.ask(p_name, format(r.query, p_store)), 'nothing'),
        e'\n' order by r.name
    )
    from reports as r;
$function$;

select is(
    pg_temp.answer('an-a', 'null, ''2024-02-20'', ''2024-03-11'''),
    pg_temp.answer('an-head', '''an_a'', ''2024-02-20'', ''2024-03-11'''),
    'a store gets of itself what head office gets of it'
);
select is(
    pg_temp.answer('an-region', 'null, ''2024-02-20'', ''2024-03-11'''),
    pg_temp.answer('an-head', 'null, ''2024-02-20'', ''2024-03-11'''),
    'a region with all stores gets what head office gets'
);
select isnt(
    pg_temp.answer('an-a', 'null, ''2024-02-20'', ''2024-03-11'''),
    pg_temp.answer('an-b', 'null, ''2024-02-20'', ''2024-03-11'''),
    'another store gets something else'
);
select is(
    pg_temp.answer(null, 'null, ''2024-02-20'', ''2024-03-11'''),
    (select string_agg(r.name || ': nothing', e'\n' order by r.name) from reports as r),
    'without a context there are no rows'
);
select is(
    pg_temp.ask('an-a', $$ select t.period_from, t.revenue, t.orders
        from api.sales_trend(p_from => '2021-01-01', p_to => '2021-02-28', p_period => 'month') as t
        union all
        select null, sum(c.revenue), count(*)
        from api.category_performance(p_from => '2021-01-01', p_to => '2021-02-28') as c $$),
    (select e'2021-01-01,0.00,0\n2021-02-01,0.00,0\n,0.00,' || count(*) from retail.categories),
    'a store that sold nothing gets its periods and categories, all zero'
);
select is(
    pg_temp.ask(null, 'select * from api.store_comparison()'), null,
    'without a context there is nothing to compare'
);
select is(
    pg_temp.ask(null, 'select * from api.seasonality()'), null,
    'without a context there is no season'
);
select is(
    pg_temp.ask('an-b', 'select c.rank, c.store_key from api.store_comparison() as c'), '1,an_b',
    'a store compares with nobody'
);
select matches(
    pg_temp.ask(null, $$ select * from api.store_performance(md5('an_a')::uuid) $$),
    '^42501 ', 'without a context no store is visible'
);

-- ---------------------------------------------------------------- with the rollup

create temporary table before as
select
    pg_temp.answer('an-a', 'null, ''2024-02-20'', ''2024-03-10''') as a,
    pg_temp.answer('an-head', 'null, ''2024-02-20'', ''2024-03-11''') as head,
    pg_temp.ask('an-head', $$ select * from api.store_comparison('2024-03-01', '2024-03-10') $$)
        as comparison;
select lives_ok(
    $$ select zava.refresh_daily_sales(p_to => '2024-03-05') $$, 'the rollup is filled half'
);
select is(
    array(select s.rolled_up_to from retail.stores as s where s.store_key like 'an\__' order by s.store_key),
    '{2024-03-05,2024-03-02}', 'it ends where it was told to, or with the newest order'
);
select is(
    pg_temp.answer('an-a', 'null, ''2024-02-20'', ''2024-03-10'''), (select b.a from before as b),
    'a half-filled rollup answers a store alike'
);
select is(
    pg_temp.answer('an-head', 'null, ''2024-02-20'', ''2024-03-11'''), (select b.head from before as b),
    'a half-filled rollup answers head office alike'
);
select lives_ok('select zava.refresh_daily_sales()', 'the rollup is filled');
select is(
    pg_temp.answer('an-head', 'null, ''2024-02-20'', ''2024-03-11'''), (select b.head from before as b),
    'a full rollup answers head office alike'
);
select is(
    pg_temp.ask('an-head', $$ select * from api.store_comparison('2024-03-01', '2024-03-10') $$),
    (select b.comparison from before as b),
    'a full rollup compares stores alike'
);

-- ---------------------------------------------------------------- in two time zones

-- March 2, noon in Seattle, is March 3 in Tokyo; what head office asks for spans both.
update retail.stores set time_zone = 'Asia/Tokyo' where store_key = 'an_b';
select is(
    pg_temp.ask('an-head', format(e.query, '2024-03-02', '2024-03-02')) || ', then '
        || pg_temp.ask('an-head', format(e.query, '2024-03-03', '2024-03-03')),
    '0, then 4',
    'a day is each store''s own day: ' || e.report
)
from (
    values
        (1, 'top_products', $$ select coalesce(sum(t.units), 0) from api.top_products(null, %L, %L) as t $$),
        (2, 'discount_impact', $$ select sum(d.units) from api.discount_impact(null, %L, %L) as d $$),
        (3, 'returns_analysis',
            $$ select coalesce(sum(r.sold_units), 0) from api.returns_analysis(null, %L, %L) as r $$)
) as e (place, report, query)
order by e.place;

select * from finish();
rollback;
