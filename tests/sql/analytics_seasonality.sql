-- api.seasonality(): two years written down by hand. 10 a day in each month and 20 in July, times
-- what grows tenfold in a year, steadily: the index must not see the growth.
begin;
select plan(18);

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select md5(k)::uuid, k, k, 'Seattle', 0.1, '2020-01-01' from unnest(array['se_a', 'se_new']) as k;
insert into retail.categories (category_id, name)
select md5(n)::uuid, n from unnest(array['Se Tools', 'Se Nothing', 'Se Back']) as n;
insert into retail.product_types (type_id, category_id, name)
values (md5('se type')::uuid, md5('Se Tools')::uuid, 'se type'),
    (md5('se back')::uuid, md5('Se Back')::uuid, 'se back');
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
values (md5('se-1')::uuid, 'se-1', 'n', 'd', md5('Se Tools')::uuid, md5('se type')::uuid, 1),
    (md5('se-2')::uuid, 'se-2', 'n', 'd', md5('Se Back')::uuid, md5('se back')::uuid, 1);

-- A whole month's sales on one day: the first of the first month, else the last. In local time,
-- half an hour before midnight.
create temporary table sold as
select 'se_a' as store, m.first_day, case when m.first_day = '2022-01-01' then m.first_day
        else (m.first_day + interval '1 month - 1 day')::date end as sold_on,
    ((m.first_day + interval '1 month')::date - m.first_day)
        * case extract(month from m.first_day) when 7 then 20 else 10 end
        * round(10 ^ (extract(year from m.first_day) - 2022 + (extract(month from m.first_day) - 1) / 12), 6)
        as amount
from (
    select g::date as first_day
    from generate_series(timestamp '2022-01-01', '2023-12-01', '1 month') as g
) as m
union all
select 'se_new', '2023-12-01', '2023-12-05', 5;
insert into retail.orders (store_id, order_id, order_date, status, total_amount)
select md5(s.store)::uuid, md5(s.store || s.sold_on)::uuid,
    (s.sold_on + time '23:30') at time zone 'America/Los_Angeles', 'completed', s.amount
from sold as s;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select o.store_id, o.order_id, 1, md5('se-1')::uuid, o.order_date, 1, o.total_amount, 1,
    o.total_amount
from retail.orders as o;

-- Sold in July of the first year, and back in January of the second.
insert into retail.orders (store_id, order_id, order_date, status, return_of, total_amount)
values
    (md5('se_a')::uuid, md5('sold')::uuid, '2022-07-05 12:00-07', 'completed', null, 100),
    (md5('se_a')::uuid, md5('back')::uuid, '2023-01-05 12:00-08', 'return', md5('sold')::uuid, -100);
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount, return_of_order_id, return_of_line_number
)
select o.store_id, o.order_id, 1, md5('se-2')::uuid, o.order_date, sign(o.total_amount), 100, 60,
    o.total_amount, o.return_of, case when o.return_of is not null then 1 end
from retail.orders as o
where o.order_id in (md5('sold')::uuid, md5('back')::uuid)
order by o.return_of nulls first;

-- 20 / (3960 / 365) and 10 / (3960 / 365), with 3960 = 365 * 10 + 31 * 10.
select results_eq(
    $$ select s.month, s.month_name, s.index, s.average_daily_revenue, s.years
       from api.seasonality('se_a', 'Se Tools') as s where s.month in (1, 7) $$,
    $$ values (1, 'January', 92.17, 55.00, 2), (7, 'July', 184.34, 347.85, 2) $$,
    'the strong month stands out by the same index in both years'
);
select results_eq(
    $$ select s.index, s.average_daily_revenue, s.years
       from api.seasonality('se_a', 'se tools', 1) as s where s.month = 7 $$,
    $$ values (165.18, 632.46, 1) $$,
    'one year is the newest, and keeps its growth'
);
select is(
    (select count(*)::integer from api.seasonality('se_a') as s where s.category in ('Se Tools', 'Se Nothing')),
    24, 'every category has its twelve months'
);
select is_empty(
    $$ select s.month from api.seasonality('se_a', 'Se Nothing') as s where s.index is not null $$,
    'what was never sold has no index'
);
select results_eq(
    $$ select sum(s.index * d.days) / 365 between 99.99 and 100.01
       from api.seasonality('se_a', 'Se Tools') as s
       cross join lateral (
           select extract(day from make_date(2023, s.month, 1) + interval '1 month - 1 day') as days
       ) as d $$,
    $$ values (true) $$,
    'weighted by days, the months of a year average 100'
);
select throws_ok(
    $$ select * from api.seasonality('se_new') $$,
    '22023', 'fewer than twelve complete months of sales, from 2023-12-05 to 2023-12-31',
    'less than a year is not enough'
);
-- (100 / 31) / (100 / 365), and nothing else in the one year that sold something.
select results_eq(
    $$ select s.month, s.index from api.seasonality('se_a', 'Se Back') as s where s.month in (1, 7) $$,
    $$ values (1, 0.00), (7, 1177.42) $$,
    'a year in which all came back has no index'
);

-- A category that began in March of the second of three years, with 10 a day in each month and 20 in July, and
-- one that is sold in November only, in each of them.
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values (md5('se_b')::uuid, 'se_b', 'se_b', 'Seattle', 0.1, '2020-01-01');
insert into retail.categories (category_id, name)
select md5(n)::uuid, n from unnest(array['Se Young', 'Se November']) as n;
insert into retail.product_types (type_id, category_id, name)
select md5(n || ' type')::uuid, md5(n)::uuid, n || ' type' from unnest(array['Se Young', 'Se November']) as n;
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(n || '-1')::uuid, n, 'n', 'd', md5(n)::uuid, md5(n || ' type')::uuid, 1
from unnest(array['Se Young', 'Se November']) as n;
create temporary table young as
select d.day, p.sku, case when p.sku = 'Se Tools' or m.month <> 7 then 10 else 20 end as amount
from (select g::date as day from generate_series(timestamp '2021-01-01', '2023-12-31', '1 day') as g) as d
cross join lateral (select extract(month from d.day) as month) as m
join (values ('Se Tools', date '2021-01-01'), ('Se Young', '2022-03-01'), ('Se November', '2021-11-01')) as p (sku, start)
    on d.day >= p.start and (p.sku <> 'Se November' or m.month = 11);
insert into retail.orders (store_id, order_id, order_date, status, total_amount)
select md5('se_b')::uuid, md5(y.sku || y.day)::uuid, (y.day + time '12:00') at time zone 'America/Los_Angeles',
    'completed', y.amount
from young as y;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost, total_amount
)
select md5('se_b')::uuid, md5(y.sku || y.day)::uuid, 1,
    case y.sku when 'Se Tools' then md5('se-1')::uuid else md5(y.sku || '-1')::uuid end,
    (y.day + time '12:00') at time zone 'America/Los_Angeles', 1, y.amount, 1, y.amount
from young as y;
select results_eq(
    $$ select s.month, s.index, s.average_daily_revenue, s.years
       from api.seasonality('se_b', 'Se Young') as s where s.month in (1, 7, 12) $$,
    $$ values (1, 92.17, 10.00, 1), (7, 184.34, 20.00, 1), (12, 92.17, 10.00, 1) $$,
    'months before a category was sold are no weak ones'
);
select results_eq(
    $$ select distinct s.years from api.seasonality('se_b', 'Se November', 2) as s $$, 'values (2)',
    'who sold before the years that are asked for is not new in them'
);
select results_eq(
    $$ select distinct s.years from api.seasonality('se_b', 'Se November') as s $$, 'values (2)',
    'of years that may have begun before a category did, nobody can tell'
);
select results_eq(
    $$ select s.years, count(*)::integer from api.seasonality('se_b') as s
       where s.category in ('Se Tools', 'Se Nothing') group by s.years $$,
    $$ values (3, 24) $$,
    'what sold from the first month on has all years, and so has what never sold'
);
delete from retail.order_items where store_id = md5('se_b')::uuid;
delete from retail.orders where store_id = md5('se_b')::uuid;
create temporary table before as select s::text as answer from api.seasonality() as s;
select lives_ok('select zava.refresh_daily_sales()', 'the rollup is filled');
select results_eq(
    'select s::text from api.seasonality() as s', 'select b.answer from before as b',
    'the rollup gives the same index'
);


select throws_ok(
    format('select * from api.seasonality(p_years => %s)', y.years), '22023',
    'p_years out of range: ' || y.years, 'years out of range: ' || y.years
)
from (values (0), (11)) as y (years);
update retail.stores set rolled_up_to = null;
-- 69.13 in two Julys, 1.115 a day.
update retail.order_items as i
set unit_price = k.amount, total_amount = k.amount
from (values ('2022-07-31 23:30-07'::timestamptz, 2), ('2023-07-31 23:30-07', 67.13)) as k (moment, amount)
where i.order_date = k.moment;
select is(
    (select s.average_daily_revenue from api.seasonality('se_a', 'Se Tools', 2) as s where s.month = 7), 1.12,
    'half a cent is rounded up'
);
update retail.orders set order_date = order_date - interval '1 day' where order_date > '2023-12-31';
update retail.order_items set order_date = order_date - interval '1 day' where order_date > '2023-12-31';
select results_eq(
    $$ select distinct s.years from api.seasonality('se_a') as s $$, 'values (1)',
    'a last month without sales on its last day is not complete'
);
update retail.orders set order_date = order_date + interval '1 day' where order_date > '2023-12-30';
update retail.order_items set order_date = order_date + interval '1 day' where order_date > '2023-12-30';
update retail.orders set order_date = order_date + interval '1 day' where order_date < '2022-01-03';
update retail.order_items set order_date = order_date + interval '1 day' where order_date < '2022-01-03';
select results_eq(
    $$ select distinct s.years from api.seasonality('se_a') as s $$, 'values (1)',
    'a first month that begins on its second day is not complete'
);
select * from finish();
rollback;
