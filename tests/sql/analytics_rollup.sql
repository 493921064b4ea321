-- The rollup: what it holds after the first refresh, what a refresh finds, and who sees it.
begin;
select plan(25);

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select md5(k)::uuid, k, k, 'Seattle', 0.1, '2020-01-01' from unnest(array['ro_a', 'ro_b']) as k;
insert into retail.categories (category_id, name)
select md5(n)::uuid, n from unnest(array['Ro Tools', 'Ro Paint']) as n;
insert into retail.product_types (type_id, category_id, name)
select md5(n || ' type')::uuid, md5(n)::uuid, n || ' type' from unnest(array['Ro Tools', 'Ro Paint']) as n;
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(p.sku)::uuid, p.sku, p.sku, 'd', md5(p.category)::uuid, md5(p.category || ' type')::uuid, 1
from (values ('ro-t', 'Ro Tools'), ('ro-p', 'Ro Paint')) as p (sku, category);

-- One order of an hour of the store's day: tools for 10, or tools and paint for 30.
create function pg_temp.sell(p_store text, p_moment text, p_both boolean, p_status text default 'completed')
returns void
language sql
as $function$
    insert into retail.orders (store_id, order_id, order_date, status, total_amount)
    values (
        md5(p_store)::uuid, md5(p_store || p_moment)::uuid,
        p_moment::timestamp at time zone 'America/Los_Angeles', p_status,
        case when p_both then 28 else 10 end
    );
    insert into retail.order_items (
        store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
        discount_amount, total_amount
    )
    select o.store_id, o.order_id, l.n, md5(l.sku)::uuid, o.order_date, l.n, 10, 6, 2 * (l.n - 1),
        l.n * 10 - 2 * (l.n - 1)
    from (values (1, 'ro-t'), (2, 'ro-p')) as l (n, sku)
    join retail.orders as o on o.order_id = md5(p_store || p_moment)::uuid
    where l.n = 1 or p_both;
$function$;
select pg_temp.sell('ro_a', '2024-01-01 00:05', true);
select pg_temp.sell('ro_a', '2024-01-01 23:55', false);
select pg_temp.sell('ro_a', '2024-01-03 12:00', false);
select pg_temp.sell('ro_a', '2024-01-03 13:00', true, 'pending');
select pg_temp.sell('ro_b', '2024-01-02 12:00', false);
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
values (md5('ro_a')::uuid, md5('ro_c')::uuid, 'C', 'C', 'c@example.com', 'Seattle', '2020-01-01');
update retail.orders as o set customer_id = md5('ro_c')::uuid
where o.store_id = md5('ro_a')::uuid and (
    o.order_date < timestamptz '2024-01-02 00:00-08' or o.status = 'pending'
);

-- ---------------------------------------------------------------- the first refresh

select results_eq(
    $$ select r.store_key, r.rolled_up_to, r.changed_rows from zava.refresh_daily_sales() as r
       where r.store_key in ('ro_a', 'ro_b') $$,
    $$ values ('ro_a', date '2024-01-03', 6::bigint), ('ro_b', '2024-01-02', 2) $$,
    'the first refresh stores everything up to the newest order of each store'
);
select results_eq(
    $$ select d.sold_on, c.name, d.lines, d.orders, d.units, d.returned_units, d.gross_revenue,
           d.revenue, d.cost, d.discount_amount
       from retail.daily_sales as d join retail.categories as c on c.category_id = d.category_id
       where d.store_id = md5('ro_a')::uuid order by 1, 2 $$,
    $$ values
       (date '2024-01-01', 'Ro Paint', 1, 1, 2, 0, 18.00, 18.00, 12.00, 2.00),
       ('2024-01-01', 'Ro Tools', 2, 2, 2, 0, 20.00, 20.00, 12.00, 0.00),
       ('2024-01-03', 'Ro Tools', 1, 1, 1, 0, 10.00, 10.00, 6.00, 0.00) $$,
    'days are the store''s own, and what is pending does not count'
);
select results_eq(
    $$ select d.sold_on, d.lines, d.orders, d.units, d.revenue from retail.daily_totals as d
       where d.store_id = md5('ro_a')::uuid order by 1 $$,
    $$ values (date '2024-01-01', 3, 2, 4, 38.00), ('2024-01-03', 1, 1, 1, 10.00) $$,
    'an order of two categories is one order of the day'
);
select results_eq(
    $$ select d.customer_id, d.sold_on, d.orders, d.gross_revenue, d.revenue, d.cost
       from retail.daily_customers as d where d.store_id = md5('ro_a')::uuid order by 2 $$,
    $$ values (md5('ro_c')::uuid, date '2024-01-01', 2, 38.00, 38.00, 24.00) $$,
    'the orders of a customer''s day are added up; cash sales and what is pending are not there'
);
select results_eq(
    $$ select sum(r.changed_rows)::integer from zava.refresh_daily_sales() as r $$,
    'values (0)', 'a second refresh changes nothing'
);
select results_eq(
    $$ select sum(r.changed_rows)::integer from zava.refresh_daily_sales('-infinity') as r $$,
    'values (0)', 'nor does one of all days'
);
select is_empty(
    $$ select from retail.daily_sales as d where d.updated_at <> d.created_at $$,
    'rows that are right are not written again'
);

-- ---------------------------------------------------------------- changes

select pg_temp.sell('ro_a', '2024-01-02 12:00', false);
select is(
    (select sum(d.revenue) from api._daily_totals(array[md5('ro_a')::uuid], '2024-01-01', '2024-01-31') as d),
    48.00, 'a sale of a stored day is not seen before a refresh'
);
update retail.stores set rolled_up_to = '2024-01-01' where store_key = 'ro_a';
select is(
    (select sum(d.revenue) from api._daily_totals(array[md5('ro_a')::uuid], '2024-01-01', '2024-01-31') as d),
    58.00, 'it is at once when the writer takes the day back'
);
select results_eq(
    $$ select r.rolled_up_to, r.changed_rows from zava.refresh_daily_sales() as r where r.store_key = 'ro_a' $$,
    $$ values (date '2024-01-03', 2::bigint) $$,
    'the next refresh stores the day again'
);

update retail.orders set status = 'cancelled'
where order_id in (md5('ro_a2024-01-02 12:00')::uuid, md5('ro_a2024-01-01 00:05')::uuid);
select results_eq(
    $$ select r.changed_rows from zava.refresh_daily_sales() as r where r.store_key = 'ro_a' $$,
    'values (6::bigint)',
    'a refresh finds changes of the last 31 days by itself, rows that have to go included'
);
select results_eq(
    $$ select d.sold_on, d.revenue from retail.daily_totals as d where d.store_id = md5('ro_a')::uuid order by 1 $$,
    $$ values (date '2024-01-01', 10.00), ('2024-01-03', 10.00) $$,
    'what was cancelled is gone'
);

select pg_temp.sell('ro_a', '2024-06-01 12:00', false);
select lives_ok('select zava.refresh_daily_sales()', 'time goes by');
select pg_temp.sell('ro_a', '2024-05-02 12:00', false);
select results_eq(
    $$ select r.changed_rows from zava.refresh_daily_sales() as r where r.store_key = 'ro_a' $$,
    'values (2::bigint)', 'the oldest of the 31 stored days is looked at'
);
select pg_temp.sell('ro_a', '2024-05-01 12:00', false);
select results_eq(
    $$ select r.changed_rows from zava.refresh_daily_sales() as r where r.store_key = 'ro_a' $$,
    'values (0::bigint)', 'the day before it is not'
);
select results_eq(
    $$ select r.changed_rows from zava.refresh_daily_sales('2024-05-01') as r where r.store_key = 'ro_a' $$,
    'values (2::bigint)', 'but found when p_from reaches back to it'
);

delete from retail.orders where store_id = md5('ro_b')::uuid;
select lives_ok(
    $$ select zava.refresh_daily_sales('-infinity') $$, 'a store may lose all its orders'
);
select is_empty(
    $$ select from retail.daily_totals as d where d.store_id = md5('ro_b')::uuid $$,
    'and then has no rows'
);

-- ---------------------------------------------------------------- what is not over

select pg_temp.sell('ro_b', to_char(now() at time zone 'America/Los_Angeles', 'YYYY-MM-DD HH24:MI'), false);
select pg_temp.sell('ro_b', to_char(now() at time zone 'America/Los_Angeles' + interval '3 days', 'YYYY-MM-DD HH24:MI'), false);
select ok(
    (
        select r.rolled_up_to < (now() at time zone 'America/Los_Angeles')::date
        from zava.refresh_daily_sales() as r where r.store_key = 'ro_b'
    ),
    'today and days to come are not stored'
);
select is(
    (select sum(d.revenue) from api._daily_totals(array[md5('ro_b')::uuid], '2024-01-01', '2999-12-31') as d),
    20.00, 'their sales are read from the lines'
);

select pg_temp.sell('ro_a', '2024-06-20 12:00', false);
select results_eq(
    $$ select r.store_key, r.rolled_up_to from zava.refresh_daily_sales(null, '2024-06-10') as r
       where r.store_key = 'ro_a' $$,
    $$ values ('ro_a', date '2024-06-10') $$,
    'p_to stores in steps'
);

-- A telephone number for a quantity, twice.
select pg_temp.sell('ro_a', '2024-06-11 12:00', false);
select pg_temp.sell('ro_a', '2024-06-11 13:00', false);
select pg_temp.sell('ro_b', '2024-06-21 12:00', false);
update retail.order_items
set quantity = 2065550100, unit_price = 0.01, total_amount = 20655501
where store_id = md5('ro_a')::uuid and order_date >= timestamptz '2024-06-11 00:00-07'
    and order_date < timestamptz '2024-06-12 00:00-07';
create temporary table refreshed as
select r.* from zava.refresh_daily_sales() as r where r.store_key in ('ro_a', 'ro_b');
select results_eq(
    $$ select s.store_key, s.rolled_up_to >= date '2024-06-11', r.changed_rows is null, r.rolled_up_to = s.rolled_up_to
       from refreshed as r join retail.stores as s on s.store_key = r.store_key order by 1 $$,
    $$ values ('ro_a', false, true, true), ('ro_b', true, false, true) $$,
    'a day that sold more than the rollup holds keeps no other store from being stored'
);
select is(
    (select sum(d.units) from api._daily_totals(array[md5('ro_a')::uuid], '2024-06-11', '2024-06-20') as d),
    4131100201::numeric, 'it is read from the lines'
);
update retail.order_items set quantity = 1, unit_price = 20655501
where store_id = md5('ro_a')::uuid and quantity = 2065550100;
select is(
    (select r.rolled_up_to from zava.refresh_daily_sales() as r where r.store_key = 'ro_a'), date '2024-06-20',
    'and stored when that is mended'
);

-- ---------------------------------------------------------------- who sees it

select results_eq(
    $$ select count(*)::integer from pg_class as c
       where c.relname like 'daily%' and c.relnamespace = 'retail'::regnamespace
           and c.relkind = 'r' and c.relrowsecurity and c.relforcerowsecurity $$,
    'values (3)', 'row-level security is forced on all three tables'
);

select * from finish();
rollback;
