-- What is odd, and what is ahead, asked on a day that is not over.
begin;
select plan(15);

-- ---------------------------------------------------------------- arrange

\ir shared/two_stores.sql

-- The day that is over last in the west begins first in the east.
update retail.stores set time_zone = 'Pacific/Kiritimati' where store_key = 'an_b';
create temporary table today as
select (now() at time zone 'America/Los_Angeles')::date as west,
    (now() at time zone 'Pacific/Kiritimati')::date as east;
grant select on today to public;

-- Weeks of 81, 100 and 121 a day in turn, up to yesterday; of today, one sale of 1 until now.
insert into lines
select s.store, null::text, 1 + d.n, (s.today - d.n + time '12:00') at time zone s.zone, 'completed', 'saw', 1,
    (array[81, 100, 121])[1 + d.n / 7 % 3], 1, null::integer
from (
    select 'an_a', t.west, 'America/Los_Angeles' from today as t
    union all
    select 'an_b', t.east, 'Pacific/Kiritimati' from today as t
) as s (store, today, zone)
cross join generate_series(1, 139) as d (n)
union all
select s.store, null, 0, now(), 'completed', 'saw', 1, 1, 1, null
from (values ('an_a'), ('an_b')) as s (store);
select pg_temp.sell();

-- ---------------------------------------------------------------- assert

select is(
    pg_temp.ask(p.name, $$ select * from api.sales_anomalies() $$),
    'nothing',
    p.name || ' is not told that today is low'
)
from (values ('an-a'), ('an-region'), ('an-head')) as p (name);
select is(
    pg_temp.ask('an-a', p.query),
    format('(an_a,%s,low,1.00)', t.west),
    'whoever gives today has it judged: ' || p.query
)
from today as t
cross join lateral (
    values
        ($$ select store_key, day, direction, revenue from api.sales_anomalies(p_to => (select west from today)) $$),
        ($$ select store_key, day, direction, revenue from api.sales_anomalies(p_from => (select west from today)) $$)
) as p (query);
select is(
    pg_temp.ask('an-a', $$ select min(day) from api.sales_forecast(p_horizon => 7) $$),
    format('(%s)', t.west),
    'a forecast begins with the day that is not over'
)
from today as t;
select is(
    pg_temp.ask('an-a', $$ select * from api.sales_forecast(p_horizon => 7) $$),
    pg_temp.ask('an-a', $$ select * from api.sales_forecast(p_horizon => 7, p_to => (select west - 1 from today)) $$),
    'of which it knows nothing'
);
select is(
    pg_temp.ask('an-a', $$ select min(day) from api.sales_forecast(p_horizon => 7, p_to => (select west from today)) $$),
    format('(%s)', t.west + 1),
    'unless that is given'
)
from today as t;
select is(
    pg_temp.ask(p.name, $$ select min(day) from api.sales_forecast(p_horizon => 7) $$),
    format('(%s)', t.west),
    p.name || ' gets a forecast from the day that is not over in some store'
)
from today as t
cross join (values ('an-region'), ('an-head')) as p (name);

-- The server's own day may be over or not begun where the store is.
set local time zone 'Pacific/Kiritimati';
update retail.stores set time_zone = 'Pacific/Pago_Pago' where store_key = 'an_a';
select is(
    pg_temp.ask('an-a', $$ select max(period_to) from api.sales_trend(p_to => current_date) $$),
    format('(%s)', (now() at time zone 'Pacific/Pago_Pago')::date),
    'a day that has begun at the server alone is one to come'
);

-- Where it is past midnight, and where it is past one.
update retail.stores as s set time_zone = z.name, rolled_up_to = null
from (
    select case extract(hour from now() at time zone n.name) when 0 then 'an_a' else 'an_b' end as store, min(n.name) as name
    from (select 'Etc/GMT' || to_char(g, 'FMSG99') as name from generate_series(-14, 12) as g) as n
    where extract(hour from now() at time zone n.name) in (0, 1)
    group by 1
) as z
where z.store = s.store_key;
select results_eq(
    $$ select s.store_key, (now() at time zone s.time_zone)::date - r.rolled_up_to
       from zava.refresh_daily_sales() as r join retail.stores as s on s.store_key = r.store_key
       order by 1 $$,
    $$ values ('an_a', 2), ('an_b', 1) $$,
    'a day is stored an hour after it is over'
);

-- A store without sales has a day of its own all the same, that may be over last.
update retail.stores set rolled_up_to = null,
    time_zone = case store_key when 'an_a' then 'Pacific/Pago_Pago' else 'Pacific/Kiritimati' end
where store_key in ('an_a', 'an_b');
delete from retail.order_items where store_id = md5('an_a')::uuid;
delete from retail.orders where store_id = md5('an_a')::uuid;
select is(
    pg_temp.ask('an-region', $$ select min(day) from api.sales_forecast(p_horizon => 7) $$),
    format('(%s)', (now() at time zone 'Pacific/Pago_Pago')::date),
    'a forecast begins with the day that is not over in a store that has sold nothing'
);

-- So it is of its stock, wherever the server is.
delete from retail.order_items;
delete from retail.orders;
update retail.stores set time_zone = 'Pacific/Kiritimati' where store_key = 'an_a';
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
values (md5('an_a')::uuid, md5('saw')::uuid, 10, 4, 1);
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select md5('an_a')::uuid, md5('saw')::uuid, t.east - m.back, m.kind, m.quantity
from today as t
cross join (values (89, 'opening', 3), (0, 'sale', -2)) as m (back, kind, quantity);
create function pg_temp.stock(p_zone text)
returns text
language plpgsql
as $function$
begin
    perform set_config('TimeZone', p_zone, true);
    return pg_temp.ask('an-a', $$ select units_sold, daily_demand, last_sold_on from api.inventory_status() $$);
end;
$function$;
select is(
    pg_temp.stock(z.name), format('(2,0.02,%s)', t.east),
    'stock is judged up to the store''s own day: server in ' || z.name
)
from today as t
cross join (values ('Pacific/Pago_Pago'), ('Pacific/Kiritimati')) as z (name);
select * from finish();
rollback;
