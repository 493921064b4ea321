-- api.inventory_status(): seven products, ten days, every status.
begin;
select plan(20);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

insert into lines
values
    ('an_a', null::text, 1, '2026-03-31 12:00-07'::timestamptz, 'completed', 'hammer', 2, 10, 6, null::integer),
    ('an_b', null, 1, '2026-03-20 12:00-07', 'completed', 'hammer', 1, 10, 6, null);
select pg_temp.sell();
update retail.products as p set is_active = false where p.sku = 'wrench';
insert into retail.inventory (
    store_id, product_id, price, unit_cost, stock_level, reorder_level, lead_time_days
)
select md5(i.store)::uuid, md5(i.product)::uuid, 10, 6, i.stock, i.level, i.days
from (
    values ('an_a', 'hammer', 10, 2, 4), ('an_a', 'nails', 0, 2, 5), ('an_a', 'saw', 5, 1, 5),
        ('an_a', 'drill', 3, 1, 10), ('an_a', 'wrench', 1, 1, 10), ('an_a', 'ladder', 99, 1, 10),
        ('an_a', 'tape', 9, 1, 2), ('an_b', 'hammer', 0, 4, 7)
) as i (store, product, stock, level, days);
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select md5('an_a')::uuid, md5(m.product)::uuid, m.day::date, m.kind, m.quantity
from (
    values
        ('hammer', '2026-01-01', 'opening', 20), ('hammer', '2026-03-23', 'sale', -2),
        ('hammer', '2026-03-25', 'sale', -2), ('hammer', '2026-03-27', 'sale', -2),
        ('hammer', '2026-03-29', 'sale', -2), ('hammer', '2026-03-31', 'sale', -2),
        -- Sold out on the 26th: six days end without stock, and on five of them none was to be had.
        ('nails', '2026-01-01', 'opening', 6), ('nails', '2026-03-24', 'sale', -3),
        ('nails', '2026-03-26', 'sale', -3),
        ('saw', '2026-01-01', 'opening', 6), ('saw', '2026-02-01', 'sale', -1),
        ('drill', '2026-01-01', 'opening', 5), ('drill', '2026-03-30', 'sale', -1),
        ('drill', '2026-03-31', 'sale', -1),
        ('wrench', '2026-01-01', 'opening', 2), ('wrench', '2026-03-31', 'sale', -1),
        ('ladder', '2026-01-01', 'opening', 100), ('ladder', '2026-03-31', 'sale', -1),
        -- Nothing there until the 27th.
        ('tape', '2026-01-01', 'opening', 3), ('tape', '2026-02-01', 'sale', -3),
        ('tape', '2026-03-27', 'receipt', 10), ('tape', '2026-03-28', 'sale', -1)
) as m (product, day, kind, quantity);

-- ---------------------------------------------------------------- assert

-- hammer: 1 a day, variance (20 - 100 / 10) / 9; 4 + 1.65 * sqrt(4 * 1.1111) = 7.48.
-- nails: 6 in 5 days, variance (18 - 36 / 5) / 4; 6 + 1.65 * sqrt(5 * 2.7) = 12.06; 13 + 30 * 1.2.
-- drill: 2 + 1.65 * sqrt(10 * 0.17778) = 4.2; 5 + 30 * 0.2 - 3. tape: 0.4 + 1.65 * sqrt(2 * 0.2) = 1.44.
select is(
    pg_temp.ask('an-a', $$
        select sku, status, stock_level, stock_value, units_sold, stock_out_days, daily_demand,
            days_of_cover, lead_time_days, reorder_point, reorder_units, last_sold_on
        from api.inventory_status(p_days => 10)
    $$),
    e'(nails,"stock out",0,0.00,6,6,1.20,0.00,5,13,49,2026-03-26)\n'
    '(drill,reorder,3,18.00,2,0,0.20,15.00,10,5,8,2026-03-31)\n'
    '(wrench,reorder,1,6.00,1,0,0.10,10.00,10,3,0,2026-03-31)\n'
    '(saw,dead,5,30.00,0,0,0.00,,5,1,0,2026-02-01)\n'
    '(ladder,overstock,99,594.00,1,0,0.10,990.00,10,3,0,2026-03-31)\n'
    '(hammer,ok,10,60.00,10,0,1.00,10.00,4,8,0,2026-03-31)\n'
    '(tape,ok,9,54.00,1,5,0.20,45.00,2,2,0,2026-03-28)',
    'a store sees its stock, the most urgent first'
);
select is(
    pg_temp.ask(p.name, $$
        select store_key, sku, units_sold, stock_out_days, daily_demand, days_of_cover,
            reorder_point, reorder_units, last_sold_on
        from api.inventory_status(p_days => 10, p_status => 'stock out')
    $$),
    e'(an_a,nails,6,6,1.20,0.00,13,49,2026-03-26)\n(an_b,hammer,0,10,,,4,4,)',
    p.name || ' sees both stores; what was never there has no demand and is ordered by its level'
)
from (values ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', $$ select sku, reorder_units from api.inventory_status(p_days => 10, p_cover_days => 10, p_limit => 1) $$),
    '(nails,25)',
    'an order covers the days asked for'
);
select is(
    pg_temp.ask('an-a', $$ select count(*) from api.inventory_status(p_category => 'tOOls') $$),
    '(7)',
    'a category is found in any case'
);
select is(
    pg_temp.ask('an-a', $$ select * from api.inventory_status(p_category => 'Tolls') $$),
    'error 22023: there is no category Tolls',
    'an unknown category is an error'
);

-- Kept since the 28th only, and gone on the 30th.
update retail.stock_movements set moved_on = '2026-03-28', quantity = 2
where product_id = md5('wrench')::uuid and kind = 'opening';
update retail.stock_movements set moved_on = '2026-03-30', quantity = -2
where product_id = md5('wrench')::uuid and kind = 'sale';
update retail.inventory set stock_level = 0 where product_id = md5('wrench')::uuid;
select is(
    pg_temp.ask('an-a', $$ select sku, units_sold, stock_out_days, daily_demand
        from api.inventory_status(p_days => 10, p_status => 'stock out') where sku = 'wrench' $$),
    '(wrench,2,2,0.67)',
    'days before the opening stock are no stock-outs, and give no demand'
);

insert into retail.categories (name) values ('Paint');
select is(
    pg_temp.ask('an-a', $$ select * from api.inventory_status(p_category => 'Paint') $$),
    'nothing',
    'a category without stock has none'
);
-- A product of one day: its demand has no spread. What moved after the newest sale is not looked at.
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select md5('an_a')::uuid, md5('ladder')::uuid, '2026-04-01', k.kind, k.quantity
from (values ('receipt', 7), ('sale', -7)) as k (kind, quantity);
update retail.stock_movements set moved_on = '2026-03-31'
where product_id = md5('wrench')::uuid and kind in ('opening', 'sale');
update retail.stock_movements set quantity = 3
where product_id = md5('wrench')::uuid and kind = 'opening';
update retail.inventory set stock_level = 1 where product_id = md5('wrench')::uuid;
select is(
    pg_temp.ask('an-a', $$ select sku, status, units_sold, daily_demand, reorder_point
        from api.inventory_status(p_days => 10) where sku in ('ladder', 'wrench') order by sku $$),
    e'(ladder,overstock,1,0.10,3)\n(wrench,reorder,2,2.00,20)',
    'one day gives a demand, days to come give none'
);
update retail.inventory set stock_level = 0 where product_id = md5('wrench')::uuid;

-- The saw came two days before the end.
update retail.stock_movements set moved_on = '2026-03-30', quantity = 5
where product_id = md5('saw')::uuid and kind = 'opening';
delete from retail.stock_movements where product_id = md5('saw')::uuid and kind = 'sale';
select is(
    pg_temp.ask('an-a', $$ select status, units_sold, daily_demand, reorder_units
        from api.inventory_status(p_days => 10) where sku = 'saw' $$),
    '(ok,0,0.00,0)',
    'what has just come is not dead'
);
update retail.stock_movements set moved_on = '2026-03-22'
where product_id = md5('saw')::uuid and kind = 'opening';
select is(
    pg_temp.ask('an-a', $$ select status, units_sold, daily_demand, reorder_units
        from api.inventory_status(p_days => 10) where sku = 'saw' $$),
    '(dead,0,0.00,0)',
    'what lay there on all days and was not sold is'
);
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
values (md5('an_a')::uuid, md5('saw')::uuid, '2026-04-01', 'sale', -5);
update retail.inventory set stock_level = 0, reorder_level = 4 where product_id = md5('saw')::uuid;
select is(
    pg_temp.ask('an-a', $$ select status, units_sold, daily_demand, reorder_point, reorder_units
        from api.inventory_status(p_days => 10) where sku = 'saw' $$),
    '("stock out",0,0.00,4,4)',
    'but once it is gone, after the newest sale, it is ordered by its level'
);

-- Whatever a row holds, the others are shown.
update retail.inventory as i set lead_time_days = k.days, reorder_level = k.level
from (
    values ('hammer', -4, 2), ('tape', -2, -2147483648), ('drill', 2147483647, 1),
        ('wrench', 10, 2147483647)
) as k (product, days, level)
where i.store_id = md5('an_a')::uuid and i.product_id = md5(k.product)::uuid;
update retail.products as p set is_active = true where p.sku = 'wrench';
select is(
    pg_temp.ask('an-a', $$ select sku, status, lead_time_days, reorder_point
        from api.inventory_status(p_days => 10) where sku in ('hammer', 'tape') $$),
    e'(hammer,ok,-4,2)\n(tape,ok,-2,0)',
    'a lead time and a level below zero count as none'
);
select is(
    pg_temp.ask('an-a', $$ select sku, status, reorder_point, reorder_units
        from api.inventory_status(p_days => 10) where sku in ('drill', 'wrench') order by sku $$),
    e'(drill,reorder,429528969,429528972)\n(wrench,"stock out",2147483647,2147483647)',
    'an endless lead time is an order as large as there is'
);
update retail.stock_movements as m set quantity = sign(m.quantity) * 2147483647
where m.product_id in (md5('drill')::uuid, md5('hammer')::uuid);
select is(
    pg_temp.ask('an-a', $$ select count(*), max(reorder_point), max(units_sold)
        from api.inventory_status(p_days => 10, p_cover_days => 365) $$),
    '(7,2147483647,10737418235)',
    'no quantity is too large to be summed up'
);

-- Once B has lost its only sale, its manager is left with stock, and the days up to today.
update retail.orders as o set status = 'cancelled' where o.store_id = md5('an_b')::uuid;
select zava.create_principal('an-b', 'store', '{an_b}');
select is(
    pg_temp.ask('an-b', $$ select sku, status, stock_out_days, daily_demand, reorder_units from api.inventory_status(p_days => 10) $$),
    '(hammer,"stock out",10,,4)',
    'a store that has not sold yet sees its stock'
);

select * from pg_temp.keeps_apart('inventory_status');

select * from finish();
rollback;
