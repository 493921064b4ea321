-- Legitimate questions of agents: the guard lets each through, PostgreSQL 16 and 18 run it in the
-- session of a tenant. Each ends in a semicolon at the end of a line.

select count(*) from retail.orders;
select count(*) from orders;
SELECT COUNT(*) AS n FROM retail.customers;
select * from retail.stores;
select name, city from retail.stores order by name limit 5;
table retail.categories;
values (1, 'one'), (2, 'two');
select;
; select 1;
select 1 as a, 2 as a;
select distinct city from customers order by 1;
select distinct on (customer_id) customer_id, order_id, order_date
from retail.orders order by customer_id, order_date desc;
select date_trunc('month', order_date)::date as month, sum(total_amount) as revenue
from retail.orders where status = 'completed' group by 1 order by 1;
select extract(year from order_date) as year, extract(month from order_date) as month, count(*)
from retail.orders group by year, month order by year, month;
select to_char(order_date, 'YYYY-MM') as ym, round(avg(total_amount), 2) from orders group by ym;
select to_char(sum(total_amount), 'FM$999,999,990.00') from orders;
select date_part('dow', order_date) as weekday, count(*) from orders group by 1;
select p.name, sum(oi.quantity) as units, sum(oi.total_amount) as revenue
from retail.order_items as oi
join retail.products as p on p.product_id = oi.product_id
where oi.order_date >= now() - interval '90 days'
group by p.name order by revenue desc nulls last limit 10;
select c.name as category, count(distinct oi.order_id), sum(oi.total_amount - oi.quantity * oi.unit_cost) as margin
from retail.order_items oi
    join retail.products p using (product_id)
    join retail.categories c using (category_id)
group by c.name having sum(oi.total_amount) > 0 order by margin desc;
with monthly as (
    select date_trunc('month', order_date) as month, sum(total_amount) as revenue
    from retail.orders group by 1
)
select month, revenue, lag(revenue) over (order by month) as previous,
    round(100 * (revenue - lag(revenue) over (order by month)) / nullif(lag(revenue) over (order by month), 0), 1) as growth
from monthly order by month;
with recursive days (day) as (
    select date '2024-01-01'
    union all
    select (day + 1) from days where day < date '2024-01-31'
)
select d.day, coalesce(count(o.order_id), 0) as orders
from days d left join orders o on o.order_date::date = d.day
group by d.day order by d.day;
with a as materialized (select 1 as x), b as not materialized (select 2 as x)
select * from a union all select * from b;
select row_number() over (partition by store_id order by total_amount desc) as rank, order_id, total_amount
from retail.orders order by rank fetch first 20 rows only;
select first_name || ' ' || last_name as customer, sum(total_amount) over w as running
from customers join orders using (store_id, customer_id)
window w as (partition by customer_id order by order_date rows between unbounded preceding and current row)
limit 10;
select ntile(4) over (order by total_amount), rank() over (order by total_amount), dense_rank() over (order by total_amount),
    percent_rank() over (order by total_amount), cume_dist() over (order by total_amount) from orders limit 3;
select first_value(total_amount) over w, last_value(total_amount) over w, nth_value(total_amount, 2) over w
from orders window w as (order by order_date range between interval '7 days' preceding and current row exclude ties) limit 3;
select avg(total_amount) filter (where status = 'return') as returns, count(*) filter (where payment_method = 'cash') as cash from orders;
select percentile_cont(0.5) within group (order by total_amount) as median, mode() within group (order by status) from orders;
select percentile_cont(array[0.25, 0.5, 0.75]) within group (order by total_amount) from orders;
select string_agg(distinct status, ', ' order by status) from orders;
select array_agg(name order by name desc) from categories;
select jsonb_agg(jsonb_build_object('name', name, 'city', city)) from stores;
select json_object('name' : name, 'city' : city) from stores;
select json_build_object('a', 1) ->> 'a', '{"b": {"c": 2}}'::jsonb #>> '{b,c}', '[1, 2]'::jsonb -> 0, '{"a": 1}'::jsonb ? 'a', '{"a": 1}'::jsonb @> '{}';
select jsonb_path_query('{"a": [1, 2]}', '$.a[*] ? (@ > 1)'), '{"a": 1}'::jsonb @? '$.a', '{"a": 1}'::jsonb @@ '$.a == 1';
select key, value from jsonb_each_text('{"a": 1, "b": 2}');
select status, payment_method, count(*) from orders group by rollup (status, payment_method);
select status, payment_method, grouping(status), count(*) from orders group by cube (status, payment_method);
select status, payment_method, count(*) from orders group by grouping sets ((status), (payment_method), ());
select case when total_amount > 1000 then 'large' when total_amount > 100 then 'medium' else 'small' end as size, count(*)
from orders group by 1;
select case status when 'completed' then 1 else 0 end from orders limit 1;
select coalesce(customer_id::text, 'unknown'), greatest(total_amount, 0), least(1, 2), nullif(status, '') from orders limit 1;
select * from customers where email ilike '%@example.com' and city not in ('Seattle', 'Tacoma') limit 1;
select * from customers where first_name like 'A%' escape '!' or last_name similar to '(A|B)%' limit 1;
select * from customers where first_name ~ '^[A-M]' and last_name !~* 'x$' limit 1;
select * from orders where order_date between '2024-01-01' and '2024-12-31' and not status = 'cancelled' limit 1;
select * from orders where order_date between symmetric '2024-12-31' and '2024-01-01' limit 1;
select * from orders where (store_id, order_id) in (select store_id, order_id from order_items where quantity > 5) limit 1;
select * from products p where exists (select 1 from inventory i where i.product_id = p.product_id and i.stock_level <= i.reorder_level) limit 1;
select * from products where product_id = any (select product_id from inventory where stock_level = 0) limit 1;
select * from products where list_price > all (select avg(list_price) from products group by category_id) limit 1;
select * from orders where status = any (array['completed', 'pending']) limit 1;
select * from orders where return_of is not null and customer_id is distinct from return_of limit 1;
select * from stores where is_online is not true limit 1;
select count(*) from orders where return_of isnull or return_of notnull;
select o.order_id, l.total from orders o cross join lateral (select sum(total_amount) as total from order_items i where i.order_id = o.order_id) as l limit 1;
select o.order_id, l.n from orders o left join lateral (select count(*) as n from order_items i where i.order_id = o.order_id) l on true limit 1;
select s.name, g.month from stores s cross join generate_series(date '2024-01-01', date '2024-06-01', interval '1 month') as g (month) limit 3;
select n from generate_series(1, 10) as n;
select * from generate_series(1, 3) with ordinality as t (value, position);
select * from unnest(array['a', 'b'], array[1, 2]) as u (letter, number);
select u.letter, u.ordinality from unnest(array['a', 'b']) with ordinality as u (letter, ordinality);
select * from (values (1, 'a'), (2, 'b')) as v (id, label) order by id desc;
select v.* from (values (1)) v;
select t::text from stores t limit 1;
select (t).name, (t).city from stores t limit 1;
select row(1, 'a') = row(1, 'b'), (1, 2) = (1, 2), row_to_json(t) from stores t limit 1;
select name from stores union select name from categories except select 'x' intersect select 'y' order by 1 limit 3;
(select name from stores limit 1) union all (select name from categories limit 1);
((select 1));
select (select count(*) from stores) as stores, (select max(total_amount) from orders) as largest;
select (array(select name from stores order by name))[1:2], (array[1, 2, 3])[2], (string_to_array('a,b', ','))[1];
select a[1], a[2:], a[:2] from (select array[1, 2, 3] as a) t;
select array_sample(array_agg(distinct city), 1), array_shuffle(array_agg(name)) from stores;
select array[[1, 2], [3, 4]], '{1,2}'::int[], array[1, 2] || 3, array[1] && array[2], 1 = any ('{1,2}'::int[]);
select cast('2024-01-31' as date), '12.5'::numeric(10, 2), 7::float8, '5'::int, cast(1 as double precision), 'x'::varchar(10), '1'::bigint::text;
select date '2024-01-31' + 1, date '2024-01-31' - date '2024-01-01', timestamp '2024-01-31 12:00' + interval '1 day 2 hours', interval '1' year;
select timestamp with time zone '2024-01-31 12:00+00' at time zone 'America/Los_Angeles', now() at time zone 'UTC', timezone('UTC', now());
select current_date, current_timestamp, localtimestamp(0), now()::date, current_date - interval '1 month', age(now(), '2024-01-01');
select extract(epoch from now() - order_date) / 86400 as days from orders limit 1;
select extract(dow from order_date), extract(isodow from order_date), extract(week from order_date), extract('quarter' from order_date) from orders limit 1;
select make_date(2024, 1, 31), make_interval(days => 7), make_timestamptz(2024, 1, 1, 0, 0, 0, 'UTC'), to_date('31.01.2024', 'DD.MM.YYYY'), to_timestamp(0), date_bin('15 minutes', now(), '2001-01-01');
select upper(name), lower(name), initcap(name), length(name), char_length(name), left(name, 3), right(name, 3), substr(name, 1, 2), reverse(name) from stores limit 1;
select substring(name from 1 for 3), substring(name, 2), substring(name from '[A-Z]+'), position('a' in name), strpos(name, 'a'), overlay(name placing 'x' from 1 for 2) from stores limit 1;
select trim(both ' ' from name), trim(name), trim(leading from name), btrim(name, 'x'), ltrim(name), rtrim(name) from stores limit 1;
with recursive tree as (select c.category_id, c.name, 1 as depth from categories c union all select t.type_id, t.name, p.depth + 1 from product_types t join tree p on t.category_id = p.category_id) select repeat('  ', depth - 1) || name from tree limit 5;
with recursive t (n, d) as (select 0, date '2024-01-01' union all select t.n + 1, t.d + 1 from t where t.n < 5), lines as (select lpad(s.name, length(s.name) + 4 * (x.n + 1)) as line from t as x join stores s on true) select line from lines limit 5;
select repeat('★', least(5, greatest(0, round(q)::int))) || repeat('☆', 5 - least(5, greatest(0, round(q)::int))) as stars, repeat('░', 20 - greatest(0, least(20, floor(q / 2)::int))) from (select avg(quantity) as q from order_items group by product_id limit 3) x;
select name || repeat('.', 30 - least(length(name), 29)) || city, lpad('', least(char_length(city), length(name)), '-'), repeat('·', 9 - coalesce(least(greatest(tax_rate * 10, 0), 5), 0)::int) from stores;
with bounds as (select min(total_amount) as low, max(total_amount) as high from orders), bins as (
    select width_bucket(total_amount, low, high + 1, 12) as bin, numrange(min(total_amount), max(total_amount), '[]') as amounts, count(*) as frequency
    from orders, bounds group by bin order by bin
) select bin, amounts, frequency, repeat('■', (frequency::float / max(frequency) over () * 30)::int) as bar, repeat('·', 30 - (frequency * 30 / max(frequency) over ())::int), repeat('-', (frequency * 20 / (select max(frequency) from bins))::int) from bins;
select status, repeat('█', (count(*) * 40 / max(count(*)) over ())::int) as bar, rpad('', round(100.0 * count(*) / nullif(sum(count(*)) over (partition by left(status, 1)), 0))::int / 2, '#'),
    repeat('=', cast(count(distinct o.customer_id) * 1.0 / greatest(max(count(distinct o.customer_id)) over (), 1) * 25 as int)), repeat('▪', ((cast(count(*) as float) / (max(count(*)) over ())) * 20)::int)
from orders o group by status;
select s.city, repeat('█', ((c.n::float / (max(c.n) over ())) * 30)::int), repeat('*', coalesce(c.n, 0)::int / 10) as customers, repeat('+', c.n::int), repeat('#', (20 * c.n / sum(c.n) over ())::int) from stores s left join (select city, count(*) filter (where email like '%@%')::int as n from customers group by city order by 2 desc limit 20) as c on c.city = s.city limit 5;
with daily (day, orders) as materialized (select order_date::date, count(*) as n from orders group by 1) select d.day, lpad('', d.orders::int, '*') || ' ' || d.orders from daily d where d.orders > 1 order by d.day limit 5;
with recursive t as (select p.*, 1 as lvl from product_types p where p.name < 'B' union all select p.*, t.lvl + 1 from product_types p, t where p.name = t.name and t.lvl < 3) select repeat('|  ', 2 * t.lvl) || t.name from t limit 5;
select lpad(store_key, 20, '.'), rpad(name, 10), repeat('*', 10), repeat('#', least(length(name), 40)), repeat('=', 20) || '>' from stores;
select format('%s (%s)', name, city), format('%-20s|%5s', name, city), concat(name, ', ', city), concat_ws('-', name, city) from stores limit 1;
select replace(name, 'a', 'b'), translate(name, 'ab', 'cd'), split_part(email, '@', 2), starts_with(name, 'Z'), regexp_replace(name, '\s+', ' ', 'g'), md5(name)
from (select first_name as name, email from customers) c limit 1;
select regexp_matches('a1b2', '[0-9]', 'g'), regexp_split_to_table('a b', ' '), regexp_match('ab', 'a(b)'), regexp_count('aaa', 'a');
select abs(-1), round(1.5), round(1.2345, 2), ceil(1.1), ceiling(1.1), floor(1.9), trunc(1.99, 1), mod(7, 3), 7 % 3, power(2, 10), 2 ^ 10, sqrt(16), |/ 16, ||/ 27, exp(1), ln(2), log(100), sign(-3), pi(), width_bucket(5, 0, 10, 5);
select -1, +1, - -1, @ -5, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 3, 8 >> 1, 1_000, 0x1f, 1e3, .5, 1.;
select stddev(total_amount), variance(total_amount), corr(total_amount, tax_amount), regr_slope(total_amount, tax_amount), stddev_samp(total_amount), var_pop(total_amount), covar_pop(total_amount, tax_amount) from orders;
select bool_and(is_online), bool_or(is_online), every(is_online), any_value(name), bit_and(1), count(distinct (city, name)), max(name), min(opened_on) from stores;
select 'it''s', E'tab\there', $$dollar's$$, $tag$quoted $$ too$tag$, e'\'', '--', '/* no comment */', ';';
select 'drop table orders', 'pg_roles', 'select pg_sleep(1)' as "pg_sleep(1)";
select 1 as "select", 2 as "Order", 3 as from_date, 4 as "pg_sleep", 5 as user_count, 6 "a ""quoted"" name";
select 1 as select, 2 as table, 3 as pg_sleep, 4 as set_config, 5 as end, 6 as begin, 7 begin, 8 value, 9 name, 10 as year, 11 as "from";
select x.date, x.time, x.name, x.text, x.value, x.version, x.position, x.type, x.count, x.length, x.left, x.user, x.status, x.year, x.month, x.rank
from (select 1 as date, 2 as time, 3 as name, 4 as text, 5 as value, 6 as version, 7 as position, 8 as type, 9 as count, 10 as length, 11 as left, 12 as user, 13 as status, 14 as year, 15 as month, 16 as rank) as x;
select o.status, c.city /* the customer's */, count(*) -- orders
from orders o -- all of them
join customers c on c.customer_id = o.customer_id and c.store_id = o.store_id /* nested /* comment */ */
group by o.status, c.city;
select count(*) from orders; -- the end
select p.name, i.stock_level, i.reorder_level from retail.inventory i natural join retail.products p where i.stock_level < i.reorder_level order by i.stock_level asc nulls first offset 0 limit 5;
select p.name from products p left outer join order_items oi on oi.product_id = p.product_id where oi.product_id is null limit 5;
select p.name from products p right join order_items oi using (product_id) full join inventory i on i.product_id = p.product_id limit 5;
select a.name from (stores a join stores b on a.store_id = b.store_id) limit 1;
select count(*) from orders o, order_items i where o.order_id = i.order_id and o.store_id = i.store_id;
select 1 from orders group by () having count(*) > 0;
select sum(quantity) from retail.stock_movements where kind <> 'opening' group by all kind;
select loyalty_tier, count(*) * 100.0 / sum(count(*)) over () as share from customers group by loyalty_tier;
select date_trunc('week', order_date) as week, sum(sum(total_amount)) over (order by date_trunc('week', order_date)) as running from orders group by week;
select corr(total_amount::float8, extract(hour from order_date)::float8) from orders;
select to_tsvector('english', description) @@ plainto_tsquery('english', 'steel hammer') from products limit 1;
select ts_rank(to_tsvector(name), websearch_to_tsquery('hammer or nail')), ts_headline(name, to_tsquery('hammer')) from products limit 1;
select '[1,2,3]'::vector <=> '[3,2,1]'::vector, '[1,2,3]'::vector(3) <-> '[3,2,1]', '[1,2]'::vector <#> '[2,1]', '[1,2]'::vector <+> '[2,1]', cosine_distance('[1,2]'::vector, '[2,1]');
select daterange('2024-01-01', '2024-02-01') @> date '2024-01-15', int4range(1, 5) && int4range(3, 8), lower(int4range(1, 5)), tstzrange(now(), null) -|- tstzrange(null, now());
select (date '2024-01-01', date '2024-02-01') overlaps (date '2024-01-15', date '2024-03-01');
select '{"a": null}'::jsonb is null, '1' is json, 'x' is not json object, 'a' collate "C" < 'b' collate pg_catalog."C";
select 1 operator(pg_catalog.+) 2, '[1,2]'::public.vector operator(public.<->) '[2,1]'::public.vector, 'x'::pg_catalog.text;
select pg_catalog.lower('A'), pg_catalog.count(*) from retail.orders;
select name, list_price from products where list_price = (select max(list_price) from products) or sku in ('A', 'B');
select gen_random_uuid() is not null, random() < 2, clock_timestamp() >= now();
select encode(sha256(convert_to('a', 'UTF8')), 'hex'), decode('ff', 'hex'), x'1f', b'101', get_byte('\x41'::bytea, 0), to_hex(255), chr(65), ascii('A');
select array_length(array[1, 2], 1), cardinality(array[1, 2]), array_to_string(array['a', 'b'], ','), array_position(array['a', 'b'], 'b'), array_remove(array[1, 2], 1), array_append(array[1], 2), unnest(array[1, 2]);
select pg_typeof(total_amount), pg_size_pretty(1024::bigint) from orders limit 1;
select (api.whoami()).*;
select * from api.whoami();
select d from api.describe_schema(p_name => 'orders') as d;
select sum(total_amount) as "Umsatz für März", count(*) as zähler from orders;
select 'Grüße, 世界 🎉' as grüße, name as größe from stores;
select * from orders order by random() limit 1;
select 1 where 1 = 1 and true or false and not null;
select all 1;
select justify_days(interval '35 days'), justify_interval(interval '1 mon -1 hour'), isfinite(now()), date_add(now(), interval '1 day');
select count(*) over (), sum(total_amount) over (partition by date_trunc('month', order_date) order by order_date groups between 1 preceding and 1 following) from orders limit 2;
select max(total_amount) - min(total_amount) as spread, (max(total_amount) - min(total_amount)) / nullif(count(*), 0)::numeric as per_order from orders;
select *, total_amount * 1.1 as with_fee, o.* from orders as o limit 1;
select count(*) from only retail.orders;
select rows.x, range.y from (select 1 as x) as rows, (select 2 as y) as range;
select * from rows from (generate_series(1, 2), unnest(array['a', 'b'])) as r (n, letter);
select json_object('a' value 1, 'b' value name returning jsonb) from stores limit 1;
select json_object(returning jsonb), json_array(returning jsonb), json_array('{}' format json null on null), json_array(select name from stores returning text);
select json_objectagg(name value city absent on null with unique keys returning jsonb), json_arrayagg(name order by name null on null returning jsonb) from stores;
select '1' is json scalar, '{}' is not json object with unique keys, '[1]' is json array without unique;
select '3 days'::interval day, cast('1 day' as interval day to second(2)), interval '1' hour * 3, '1'::interval hour to minute;
select cast('{1,2}' as int array[2]), '{1}'::integer[3], 1.25::numeric(3, 1), b'101'::bit varying(10), pg_catalog.int4 '5', numeric(5, 2) '1.5';
select substring(name similar '%#"[a-z]+#"%' escape '#'), name similar to '%a%' escape null, position('a' in (name || 'b')) from stores limit 1;
select j.store_id from orders join customers using (store_id, customer_id) as j limit 1;
with recursive s (a, b) as (
    select 1, 2 union all select a + 1, b from s where a < 3
) search depth first by a set path cycle a set is_cycle using trail
select a, is_cycle from s order by path;
select make_interval(days := 3, hours => 4), concat(variadic array['a', 'b']), -(1 + 2) * -3, not (true and not false) or 1 between -1 and +1;
select count(*) from stores a natural join stores b cross join (stores c join (stores d inner join stores e on true) on true);
with a as (select 1 as n) select count(*) from a, a b, a c join a d on true left join a e on d.n = e.n, (with a as (select 2) table a) f, (select 1 from a g join a h on true) i;
select count(*) from only (retail.orders) as o, only (stores);
select overlaps(timestamp '2024-01-01', timestamp '2024-02-01', timestamp '2024-01-15', timestamp '2024-03-01');
select sum(x) over v from generate_series(1, 5) as x window w as (partition by x % 2), v as (w order by x desc);
select (array_agg(order_id order by total_amount desc))[1], (array_agg(total_amount order by order_date desc))[1:3] from orders;
with cohorts as (
    select customer_id, min(date_trunc('month', order_date)) as cohort from orders where customer_id is not null group by 1
), activity as (select distinct customer_id, date_trunc('month', order_date) as month from orders)
select cohort::date, (extract(year from age(month, cohort)) * 12 + extract(month from age(month, cohort)))::int as month_no, count(*)
from cohorts join activity using (customer_id) group by 1, 2 order by 1, 2 limit 5;
with islands as (select day, day - (row_number() over (order by day))::int as island from (select distinct order_date::date as day from orders) d)
select min(day), max(day), count(*) from islands group by island order by 3 desc limit 3;
select regr_slope(y, x), regr_intercept(y, x) from (select row_number() over (order by day) as x, revenue as y from (select order_date::date as day, sum(total_amount) as revenue from orders group by 1) d) t;
select case when grouping(status) = 1 then 'all' else status end as status, case grouping(payment_method) when 1 then 'all' else payment_method end, sum(total_amount)
from orders group by rollup (status, payment_method) order by grouping(status), 1 nulls last;
select case when total_amount > case when status = 'return' then 10 else 20 end then 'a' else 'b' end || 'x' as c from orders limit 1;
select ('{"a": [1, 2]}'::jsonb)['a'][0], (array[[1, 2], [3, 4]])[1:1][2:2], (string_to_array('a b', ' '))[array_length(array[1, 2], 1)];
select date_trunc('hour', order_date) + (extract(minute from order_date)::int / 15) * interval '15 min' as slot, count(*) from orders group by 1 order by 2 desc limit 3;
select status ilike any (array['c%', 'p%']), status like all (array['%e%', '%d']), status ^@ 'c', 1 in (values (1), (2)) from orders limit 1;
select float(1) '1.5', '1'::float(24), cast('2' as float(25)), array[1, 2]::float(7)[], float(53) '3', float '4';
select status, repeat('1234567890', count(*)::int) from orders group by status;
select status, repeat('#', (count(*) / 10)::int) as bar, rpad('', cast(count(*) filter (where total_amount > 9) / 5.0 as int), '*') from orders group by status;
select name || repeat('.', greatest(0, 40 - length(name))) || city, repeat('-', char_length('Store report')), rpad(name, 3 + 20 - length(city)) from stores;
select repeat('★', case when list_price > 100 then 3 when list_price > 50 then 2 else 1 end) || repeat('☆', 3 - case when list_price > 100 then 3 else case when is_active then 2 end end), rpad(name, case when length(name) > 20 then 20 else length(name) end) from products limit 3;
select repeat('*', extract(month from order_date)::int % 5 + 1), repeat('-', (order_date::date - date '2024-01-01') % 7), repeat('+', mod(extract(day from order_date)::int, 10)), repeat('▇', o.total_amount::int % 9) from orders o limit 3;
select repeat('*', ntile(5) over (order by total_amount)) || repeat('.', 5 - ntile(5) over w), repeat('#', width_bucket(total_amount, 0, 500, 10)) from orders window w as (order by total_amount) limit 3;
select repeat('x', (count(*) over (partition by city))::int), lpad('x', least(length(name), 9) / 2), repeat(name, 3), lpad('x', -5), repeat('-', round(count(*) over () / 2.0)::int) from stores;
select 1 as drop, 2 as delete, 3 as update, 4 as insert, 5 as truncate, 6 as copy, 7 as call, 8 as execute, 9 as fetched, 10 as commit, 11 as lock, 12 as show;
select d.delete, d.drop, d.database, d.schema, d.settings, d.owner, d.role, d.size from (select 1 as delete, 2 as drop, 3 as database, 4 as schema, 5 as settings, 6 as owner, 7 as role, 8 as size) d;
select b.begin, b."end" from (select 1 as begin, 2 as "end") as b order by b.begin;
select 1 /* outer /* inner */ still outer */ + 1, 2 --3
, 8 / /* c */ 2, 7 # --'
 2, '/*', '*/', '--', $$ -- $$, "a--b" from (select 1 as "a--b") t;
select nested, object, struct, map, list from (select 1 nested, 2 object, 3 struct, 4 map, 5 list) t where map < 10 and list > 1;
select count(*) as qualify, 1 as pivot, 2 as asof, 3 as top, 4 as div, 5 as mod, 6 as regexp, 7 as rlike, 8 as final, 9 as sample from stores;
select "limit".x, o."offset" from (select 1 as x) as "limit" join (select 2 as "offset") as o on true;
with users as (select customer_id as user_id, email as "user" from customers), roles as (select 1 as rolname), tables as (select 2 as n) select "user", rolname, n from users, roles, tables limit 1;
with orders as (select * from retail.orders where status = 'completed'), stores as (with stores as (select 1 as one) select one from stores) select count(*), min(one) from orders, stores;
select date_trunc(unit, order_date), date_part(lower(unit), now()), extract("year" from now()) from orders, (values ('Month')) u (unit) limit 1;
select user_id, locked, for_sale, share, nowait, deleted_at, into_stock from (select 1 user_id, 2 locked, true for_sale, 4 share, 5 nowait, 6 deleted_at, 7 into_stock) t where for_sale;
select k, v ->> 'sql' as sql, v -> '$x' from jsonb_each('{"a": {"sql": "drop table x", "$x": "pg_sleep(1)"}}') t (k, v);
select "values".column1, "table".n, "select"."from" from (values (1)) as "values", (select 1 as n) as "table", (select 2 as "from") as "select";
select count(*) from orders group by grouping sets (cube (status), rollup (payment_method), (), (status, (payment_method)), lower(status), case when status = 'x' then 1 end) limit 1;
select count(*) from orders group by distinct rollup (status), cube ((status, payment_method), store_id), (payment_method);
select rollup.cube, cube.rollup from (select 1 as cube) as rollup, (select 2 as rollup) as cube group by cube (rollup.cube), (rollup), rollup;
with v (a, b) as (values (1, date '2024-01-01'), (2, '2024-01-02')) select a, b from v where a in (values (1), (2)) and exists (values (1)) group by rollup (a, b);
values (1, case when true then lower('A') end, array[1, 2], (select max(name) from stores), '1'::text, interval '1' day);
select count(*) filter (where 1 in ((select 1) union (values (2)))), count(*) filter (where 1 in ((select 1) union all (select 2 group by cube (status)))) from orders;
with cube (a, b) as (values (1, 2)), rollup as (select 3 as a) select cube.a, b, rollup.a from cube cross join rollup group by cube (cube.a, b), rollup (rollup.a);
select s.city, count(*) s, sum(count(*)) over s from stores s group by 1 window s as (order by count(*)) order by s desc;
select distinct on (customer_id) * from orders order by customer_id, order_date desc;
select distinct on (o.status, (o.store_id)) - o.total_amount as minus, o.* from orders o where exists (select distinct on (sku) * from products);
select count(*) filter (where order_date::timestamp with time zone > now() - interval '1 year') from orders;
select extract(epoch from max(order_date)::timestamp with time zone - min(order_date)), json_object('a' value -1, 'b' : - sum(total_amount)), 1 operator(pg_catalog.+) -2 from orders;
select pg_typeof(total_amount), pg_catalog.pg_typeof(status) as t, pg_typeof(tax_amount) type from orders limit 1;
select pg_typeof(total_amount), count(*) from (select total_amount from orders union select 1) o group by pg_typeof(total_amount) order by pg_typeof(total_amount) desc;
select pg_typeof(1)::text union all select cast(pg_typeof(now()) as text) union all select x from (select pg_typeof('a')::varchar as x) t where pg_typeof(1)::text in ('integer', 'bigint');
select abs(hashtext(customer_id::text)) % 2 as variant, count(*) from customers group by 1;
select x.region, x.regular, x.record, x.trigger, x.unknown, x.name, x.path, x.registered from (select 1 as region, 2 as regular, 3 as record, 4 as trigger, 5 as unknown, 6 as name, 7 as path, 8 as registered) x;
select format('%--9s|%---1000s', 'a', 'b');
select sum(total_amount) as ยอดขาย, count(*) as จำนวนคำสั่งซื้อ, max(total_amount) as बिक्री_संख्या, min(total_amount) as 売上２０２４ from orders;
select count(*) user, max(total_amount) desc, min(total_amount) check, 1 primary, 2 unique, 3 column, 4 references, 5 constraint, 6 foreign, 7 asc, 8 analyse from orders;
select avg(list_price) as preis_€, count(*) as menge_m², min(list_price) as temp_°c, max(list_price) as x½, sum(list_price) as umsatz_📈 from products;
with o as (select order_id as oid, customer_id as cid, total_amount as amount from orders) select o.oid, o.cid, o.amount from o order by o.oid limit 3;
select c.cid, t.tid, w.path_length from (select customer_id as cid from customers) c cross join (select type_id as tid from product_types) t cross join (select 3 as path_length) w limit 1;
select d.date_in, d.date_out, d.time_in, d.time_out, d.cash_in - d.cash_out as cash from (select 1 as date_in, 2 as date_out, 3 as time_in, 4 as time_out, 5 as cash_in, 6 as cash_out) d;
select true <> false, false < true, null = null, current_date - 7, current_timestamp - interval '1 day', localtimestamp - interval '1 day' from stores limit 1;
select current_time - interval '1 hour', localtime - interval '1 hour', (name isnull) = true, name notnull = false, case when true then 2 end - 1, (array[2])[1] - 1 from stores limit 1;
select order_date at, order_id from orders limit 1;
select (t).user, t.order, operator, t.operator from (select 1 as user, 2 as order, 3 as operator) t;
select o.at, at, nulls from (select order_date as at, order_id as nulls from orders) o order by at nulls last limit 1;
select x.sku, x.qty, p.name from jsonb_to_recordset('[{"sku": "A", "qty": 2}]') as x (sku text, qty int) left join products p using (sku);
select r.* from stores s cross join lateral json_to_record(to_json(s)) r (name text, tax_rate numeric(6, 5), opened_on date, created_at timestamp with time zone);
select * from rows from (json_to_recordset('[{"a": [1, 2]}]') as (a int[], b jsonb), generate_series(1, 2)) as t, jsonb_to_record('{"c": 1}') as (c int);
select values.x, values.y[1] from (values (1, array[2])) as values (x, y);
SELECT "t0"."status" AS "status (orders)", CAST(TRUNC(EXTRACT(YEAR FROM "t0"."order_date")) AS INTEGER) AS "yr:order_date:ok", SUM(1) AS "COUNT(1)"
FROM "retail"."orders" "t0" INNER JOIN (SELECT "t1"."store_id" AS "store_id", AVG("t1"."total_amount") AS "__measure__0" FROM "retail"."orders" "t1" GROUP BY 1) "t2"
ON ("t0"."store_id" IS NOT DISTINCT FROM "t2"."store_id") WHERE (NOT ("t0"."status" IS NULL)) GROUP BY 1, 2 HAVING (COUNT(1) > 0);
select "_"."status", "_"."a0" as "a0" from (select "rows"."status", sum("rows"."total_amount") as "a0" from (select "status", "total_amount" from "retail"."orders" "$Table") "rows" group by "status") "_" where not "_"."a0" is null limit 1000001;
SELECT (TO_CHAR(DATE_TRUNC('month', (orders.order_date)::timestamptz AT TIME ZONE 'America/Los_Angeles'), 'YYYY-MM')) AS "orders.order_month" FROM "retail"."orders" AS "orders"
WHERE ((( orders.order_date ) >= ((SELECT (DATE_TRUNC('day', CURRENT_TIMESTAMP) + (-29 || ' day')::INTERVAL))))) GROUP BY (DATE_TRUNC('month', (orders.order_date)::timestamptz AT TIME ZONE 'America/Los_Angeles')) ORDER BY 1 DESC FETCH NEXT 500 ROWS ONLY;
SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_1_e" FROM (SELECT "_0_root.base"."name" AS "name") AS "_1_e")) AS "root" FROM (SELECT * FROM "retail"."stores" WHERE ('true') LIMIT 2) AS "_0_root.base") AS "_2_root";
WITH pgrst_source AS ( SELECT "retail"."stores"."name" FROM "retail"."stores" LIMIT 5 OFFSET 0 ) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body FROM ( SELECT * FROM pgrst_source ) _postgrest_t;
with recursive tree as (
    select category_id as id, name, 1 as lvl, array[name] as path from categories
    union all select pt.type_id, pt.name, t.lvl + 1, t.path || pt.name from product_types pt join tree t on t.id = pt.category_id
) select repeat('  ', least(lvl - 1, 10)) || name as tree, array_to_string(path, ' > ') from tree order by path limit 5;
with sess as (select customer_id, order_date, case when order_date - lag(order_date) over w > interval '30 days' then 1 else 0 end as is_new
from orders window w as (partition by customer_id order by order_date)) select customer_id, sum(is_new) over (partition by customer_id order by order_date) + 1 as session from sess limit 10;
select rank(100) within group (order by total_amount), cume_dist(50) within group (order by total_amount), percentile_disc(array[0.25, 0.75]) within group (order by total_amount) filter (where status = 'completed') from orders;
select unnest(array[0.1, 0.9]) as p, unnest(percentile_cont(array[0.1, 0.9]) within group (order by total_amount)) as v, (select o from orders o limit 1) is null from orders;
select word, count(*) from products, regexp_split_to_table(lower(name), '\W+') as word where length(word) > 3 group by word order by 2 desc limit 10;
select o.order_date at time zone (select time_zone from stores limit 1), row(o.*) is null, (select x from orders x limit 1).status, (jsonb_each_text(to_jsonb(o))).* from orders o limit 2;
select s.store_key, i.word from stores s, api.describe_schema(p_name => 'orders') d left join lateral unnest(string_to_array(d, ' ')) with ordinality i (word, place) on true limit 1;
select'x','y'as z,"status"from orders where(status='completed')and(total_amount>-1)or(status<>'return')limit 1;
select top.store_id, final.x, filter, within, partition from (select store_id, 1 as filter, 2 as within, 3 as partition from orders limit 1) as top, (select 1 as x) as final;
select name from stores order by name fetch first (1 + (select count(*) from stores) / 2) rows only;
select status from orders order by status offset 1 row fetch next 2 rows with ties;
select json_array(with q as materialized (select name from stores) select q.name from q as q (name) window w as (order by q.name) returning jsonb) from stores;
select status, rows from (select status, count(*) as rows from orders group by status) o order by rows desc;
select status from (select status, count(*) as rows from orders group by status) o where rows between 1 and 9 or o.rows between 10 and (select count(*) from orders);
select $größe$it's $x$ or $gröss$ here$größe$ as a, $é$b$é$ as b, $_1é$$é$$_1é$ as c;
select U&'d\0061t\+000061', u&'Gr!00FC!00DFe !D83D!DE00 !! \' uescape
'!', U&'it''s', U&'', E'\uD83D\uDE00';
select U&"n\0061me", s.U&"!0063ity" uescape '!' as U&"St\00E4dte" from U&"stor!0065s" UESCAPE '!' s order by U&"name" limit 1;
select n.n, N'abc' || n'd', 'n', N'a' = 'a   ', '5'::nchar, cast('abc' as nchar(2)), nchar varying(3) 'abcd' from (select N'' as n) n where n = N'';
select 'a long text '
    'that goes on '

	'and on' as text, B'01'
'10', x'1'
'F', 'it''s'
'''s', n'a'
'b';
select x.a$1, a$1$ + 1 as b$, $a$ $b$ $a$ as é$ from (select 1 as a$1, 2 as a$1$) x order by a$1;
select avg(total_amount) as "Average order value of customers who bought more than three items", count(*) as a_name_of_more_than_sixty_three_bytes_of_which_postgresql_drops_the_rest from orders;
select x."Der größte Umsatz je Kundin und Kunde in allen unserer Geschäfte €€€" from (select 1 as "Der größte Umsatz je Kundin und Kunde in allen unserer Geschäfte €€€") x;
select count(*) from stores * s, only orders, retail.customers * as c (a, b) join products * on true where s.name is null;
table stores * order by 1 limit 1;
select d, t.x, n from current_date d, current_timestamp(0) as t (x), lateral cast('{1,2}' as int[]) with ordinality as c (n), rows from (localtime, localtimestamp(3), cast(1 as text)) r where d = current_date;
select name from stores order by name fetch first +2 rows only;
with n (n) as (select name from stores) select json_array(table n), json_array(table n returning jsonb) ->> 0;
select values, values + 1, (values), sum(values) over (), t.values from (select 1 as values) t where values > 0 group by values, t.values order by values;
select between, -between, lower(between::text), t.between between 1 and 2 from (select 1 as between) t where between between 0 and 1 group by between order by between;
select national, setof, nchar, national + setof - nchar, t.setof from (select 1 as national, 2 as setof, 3 as nchar) t group by national, setof, nchar order by setof;

-- reports that build on each other: classes of computed columns, grouped, then shares and ranks
WITH base AS (
  SELECT c.customer_id, c.loyalty_tier, COUNT(o.order_id) AS frequency, COALESCE(SUM(o.total_amount), 0) AS monetary,
         COALESCE(CURRENT_DATE - MAX(o.order_date)::date, 9999) AS recency
  FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id AND o.store_id = c.store_id AND o.status = 'completed'
  GROUP BY c.customer_id, c.loyalty_tier
), scored AS (
  SELECT b.*,
    CASE WHEN recency BETWEEN 0 AND 30 THEN 5 WHEN recency BETWEEN 31 AND 90 THEN 4 WHEN recency BETWEEN 91 AND 180 THEN 3 WHEN recency BETWEEN 181 AND 365 THEN 2 ELSE 1 END AS r_score,
    CASE WHEN frequency >= 20 THEN 5 WHEN frequency >= 10 THEN 4 WHEN frequency >= 5 THEN 3 WHEN frequency >= 2 THEN 2 ELSE 1 END AS f_score,
    CASE WHEN monetary >= 5000 THEN 5 WHEN monetary >= 1000 THEN 4 WHEN monetary >= 500 THEN 3 WHEN monetary >= 100 THEN 2 ELSE 1 END AS m_score
  FROM base b
), segmented AS (
  SELECT s.*, r_score + f_score + m_score AS total_score, CONCAT(r_score, f_score, m_score) AS rfm_cell,
    CASE WHEN r_score >= 4 AND f_score >= 4 AND m_score >= 4 THEN 'Champions'
         WHEN r_score >= 3 AND f_score >= 3 THEN 'Loyal'
         WHEN r_score >= 4 AND f_score <= 2 THEN 'New'
         WHEN r_score BETWEEN 2 AND 3 AND f_score BETWEEN 2 AND 3 THEN 'Needs attention'
         WHEN r_score <= 2 AND f_score >= 4 THEN 'At risk'
         WHEN r_score <= 2 AND m_score >= 4 THEN 'Cannot lose'
         ELSE 'Hibernating' END AS segment
  FROM scored s
), summary AS (
  SELECT segment, loyalty_tier, COUNT(*) AS customers, SUM(monetary) AS revenue, AVG(recency) AS avg_recency, AVG(frequency) AS avg_frequency, AVG(total_score) AS avg_score
  FROM segmented GROUP BY segment, loyalty_tier
), totals AS (
  SELECT segment, SUM(customers) AS customers, SUM(revenue) AS revenue, ROUND(SUM(avg_recency * customers) / NULLIF(SUM(customers), 0), 1) AS avg_recency FROM summary GROUP BY segment
), shares AS (
  SELECT t.*, ROUND(100.0 * customers / SUM(customers) OVER (), 1) AS pct_customers, ROUND(100.0 * revenue / NULLIF(SUM(revenue) OVER (), 0), 1) AS pct_revenue, RANK() OVER (ORDER BY revenue DESC) AS revenue_rank FROM totals t
)
SELECT segment, customers, revenue, avg_recency, pct_customers, pct_revenue, revenue_rank,
  CASE WHEN pct_revenue > pct_customers * 2 THEN 'over-index' WHEN pct_revenue BETWEEN pct_customers * 0.8 AND pct_customers * 1.2 THEN 'in line' ELSE 'under-index' END AS position
FROM shares WHERE segment <> 'Hibernating' ORDER BY revenue_rank;
WITH lines AS (
  SELECT oi.store_id, oi.product_id, oi.order_date, oi.quantity, oi.total_amount, oi.quantity * oi.unit_cost AS cogs, oi.total_amount - oi.quantity * oi.unit_cost AS margin,
     date_trunc('month', oi.order_date)::date AS month FROM order_items oi WHERE oi.quantity > 0
), priced AS (
  SELECT l.*, ROUND(margin / NULLIF(total_amount, 0) * 100, 1) AS margin_pct, total_amount / NULLIF(quantity, 0) AS unit_net FROM lines l
), banded AS (
  SELECT p.*, CASE WHEN margin_pct < 0 THEN 'loss' WHEN margin_pct BETWEEN 0 AND 15 THEN 'thin' WHEN margin_pct BETWEEN 15 AND 35 THEN 'normal' WHEN margin_pct BETWEEN 35 AND 50 THEN 'good' ELSE 'excellent' END AS margin_band,
    CASE WHEN unit_net < 10 THEN 'low' WHEN unit_net BETWEEN 10 AND 50 THEN 'mid' WHEN unit_net BETWEEN 50 AND 200 THEN 'high' ELSE 'premium' END AS price_band
  FROM priced p
), labelled AS (
  SELECT b.*, margin_band || ' / ' || price_band AS bucket, CASE WHEN margin_band IN ('loss', 'thin') AND price_band IN ('high', 'premium') THEN 'review' WHEN margin_band IN ('good', 'excellent') THEN 'keep' ELSE 'watch' END AS action FROM banded b
), monthly AS (
  SELECT month, bucket, action, SUM(total_amount) AS revenue, SUM(margin) AS margin, COUNT(*) AS n FROM labelled GROUP BY month, bucket, action
), trend AS (
  SELECT m.*, LAG(revenue) OVER (PARTITION BY bucket, action ORDER BY month) AS prev, SUM(revenue) OVER (PARTITION BY month) AS month_total FROM monthly m
)
SELECT month, bucket, action, revenue, ROUND(100 * revenue / NULLIF(month_total, 0), 1) AS share, ROUND(100 * (revenue - prev) / NULLIF(prev, 0), 1) AS growth
FROM trend WHERE month >= DATE '2026-01-01' AND action IN ('review', 'keep') ORDER BY month, revenue DESC;
WITH sales AS (SELECT product_id, SUM(quantity) FILTER (WHERE order_date >= now() - interval '30 days') AS s30, SUM(quantity) FILTER (WHERE order_date >= now() - interval '90 days') AS s90, SUM(quantity) AS s365 FROM order_items WHERE order_date >= now() - interval '365 days' GROUP BY product_id),
stock AS (SELECT i.product_id, i.stock_level, i.reorder_level, i.price, i.unit_cost, COALESCE(s.s30, 0) AS s30, COALESCE(s.s90, 0) AS s90, COALESCE(s.s365, 0) AS s365, i.lead_time_days FROM inventory i LEFT JOIN sales s USING (product_id)),
rates AS (SELECT *, s30 / 30.0 AS d30, s90 / 90.0 AS d90, s365 / 365.0 AS d365, GREATEST(s30 / 30.0, s90 / 90.0, s365 / 365.0) AS rate FROM stock),
cover AS (SELECT *, CASE WHEN rate = 0 THEN NULL ELSE ROUND(stock_level / rate, 1) END AS days_cover, rate * lead_time_days AS demand_lead FROM rates),
status AS (SELECT *, CASE WHEN stock_level = 0 THEN 'out' WHEN days_cover IS NULL THEN 'no sales' WHEN days_cover < lead_time_days THEN 'critical' WHEN days_cover BETWEEN lead_time_days AND 2 * lead_time_days THEN 'low' WHEN days_cover BETWEEN 2 * lead_time_days AND 90 THEN 'ok' ELSE 'overstock' END AS status, GREATEST(CEIL(demand_lead * 1.5 - stock_level), 0) AS suggested_order FROM cover),
val AS (SELECT *, suggested_order * unit_cost AS order_cost, stock_level * unit_cost AS stock_value, CASE status WHEN 'out' THEN 1 WHEN 'critical' THEN 2 WHEN 'low' THEN 3 WHEN 'ok' THEN 4 ELSE 5 END AS prio FROM status),
ranked AS (SELECT v.*, ROW_NUMBER() OVER (PARTITION BY status ORDER BY order_cost DESC) AS rn, SUM(order_cost) OVER (PARTITION BY status) AS status_cost FROM val v)
SELECT p.name, r.status, r.days_cover, r.suggested_order, r.order_cost, ROUND(100 * r.order_cost / NULLIF(r.status_cost, 0), 1) AS pct FROM ranked r JOIN products p USING (product_id) WHERE r.rn <= 5 AND r.status IN ('out', 'critical', 'low') ORDER BY r.prio, r.rn;
with a as (select o.order_id, o.store_id, o.customer_id, o.order_date, o.total_amount, o.total_amount - o.tax_amount as net, extract(year from o.order_date) as y, extract(month from o.order_date) as m from orders o),
b as (select a.*, net * 1.1 as gross, case when net > 100 then 'big' when net between 20 and 100 then 'mid' else 'small' end as size from a),
c as (select b.*, gross - net as diff, round(gross / nullif(net, 0), 3) as ratio, size || '-' || y::text as tag from b),
d as (select c.*, case when ratio between 1.0 and 1.05 then 'low' when ratio between 1.05 and 1.2 then 'ok' else 'high' end as rclass, coalesce(diff, 0) + coalesce(net, 0) as total2 from c),
e as (select tag, rclass, size, count(*) as n, sum(total2) as s, avg(net) as av, max(gross) as mx from d where total2 > 0 and rclass in ('low', 'ok') group by tag, rclass, size),
f as (select e.*, s / nullif(n, 0) as per, rank() over (order by s desc) as rk, sum(s) over () as tot from e),
g as (select f.*, round(100 * s / tot, 2) as pct, per > av as above from f)
select tag, rclass, n, pct, case when pct between 0 and 5 then 'tail' when pct between 5 and 20 then 'body' else 'head' end as part, above, rk from g where rk <= 20 order by rk;
WITH first_orders AS (SELECT store_id, customer_id, MIN(order_date) AS first_at, date_trunc('month', MIN(order_date))::date AS cohort FROM orders WHERE customer_id IS NOT NULL AND status = 'completed' GROUP BY store_id, customer_id),
acts AS (SELECT f.cohort, o.customer_id, o.total_amount, (EXTRACT(YEAR FROM o.order_date) - EXTRACT(YEAR FROM f.first_at)) * 12 + EXTRACT(MONTH FROM o.order_date) - EXTRACT(MONTH FROM f.first_at) AS m FROM orders o JOIN first_orders f USING (store_id, customer_id)),
banded AS (SELECT a.*, CASE WHEN m = 0 THEN 'M0' WHEN m BETWEEN 1 AND 3 THEN 'M1-3' WHEN m BETWEEN 4 AND 6 THEN 'M4-6' WHEN m BETWEEN 7 AND 12 THEN 'M7-12' ELSE 'M13+' END AS age_band, CASE WHEN total_amount < 25 THEN 'S' WHEN total_amount BETWEEN 25 AND 100 THEN 'M' ELSE 'L' END AS basket FROM acts a),
agg AS (SELECT cohort, age_band, basket, COUNT(DISTINCT customer_id) AS custs, SUM(total_amount) AS rev FROM banded GROUP BY cohort, age_band, basket),
size AS (SELECT cohort, COUNT(*) AS n FROM first_orders GROUP BY cohort),
j AS (SELECT a.*, s.n, ROUND(100.0 * custs / NULLIF(s.n, 0), 1) AS retention FROM agg a JOIN size s USING (cohort)),
r AS (SELECT j.*, RANK() OVER (PARTITION BY age_band, basket ORDER BY retention DESC) AS rk, AVG(retention) OVER (PARTITION BY age_band) AS band_avg FROM j)
SELECT cohort, age_band, basket, custs, rev, retention, CASE WHEN retention > band_avg * 1.2 THEN 'above' WHEN retention BETWEEN band_avg * 0.8 AND band_avg * 1.2 THEN 'avg' ELSE 'below' END AS vs FROM r WHERE age_band <> 'M0' AND cohort >= DATE '2025-01-01' AND rk <= 3 ORDER BY cohort, age_band;
WITH m AS (SELECT product_id, date_trunc('month', order_date)::date AS mon, SUM(quantity) AS q, SUM(total_amount) AS r FROM order_items WHERE order_date >= now() - interval '12 months' GROUP BY 1, 2),
s AS (SELECT product_id, SUM(r) AS rev, AVG(q) AS avg_q, STDDEV(q) AS sd_q, COUNT(*) AS months FROM m GROUP BY product_id),
c AS (SELECT s.*, sd_q / NULLIF(avg_q, 0) AS cv, SUM(rev) OVER (ORDER BY rev DESC) / NULLIF(SUM(rev) OVER (), 0) AS cum FROM s),
k AS (SELECT c.*, CASE WHEN cum <= 0.8 THEN 'A' WHEN cum <= 0.95 THEN 'B' ELSE 'C' END AS abc, CASE WHEN cv IS NULL OR cv < 0.5 THEN 'X' WHEN cv BETWEEN 0.5 AND 1 THEN 'Y' ELSE 'Z' END AS xyz FROM c),
l AS (SELECT k.*, abc || xyz AS cell, CASE WHEN abc = 'A' AND xyz IN ('X', 'Y') THEN 'automate' WHEN abc = 'A' THEN 'buffer' WHEN abc = 'B' AND xyz = 'X' THEN 'automate' WHEN xyz = 'Z' AND abc = 'C' THEN 'review' ELSE 'monitor' END AS policy FROM k),
p AS (SELECT l.*, pr.name, cat.name AS category, i.stock_level, i.stock_level / NULLIF(l.avg_q / 30.0, 0) AS days FROM l JOIN products pr USING (product_id) JOIN categories cat USING (category_id) LEFT JOIN inventory i USING (product_id)),
f AS (SELECT p.*, CASE WHEN policy = 'automate' AND days < 14 THEN 'order now' WHEN policy = 'buffer' AND days BETWEEN 0 AND 30 THEN 'raise buffer' WHEN policy = 'review' AND days > 180 THEN 'clear' ELSE 'none' END AS action FROM p)
SELECT category, cell, policy, action, COUNT(*) AS n, ROUND(SUM(rev), 2) AS rev, ROUND(AVG(days), 1) AS days FROM f WHERE action <> 'none' GROUP BY category, cell, policy, action HAVING COUNT(*) > 0 ORDER BY rev DESC;
select store_id, count(*) filter (where customer_id is null and payment_method in ('cash', 'card')) as walk_in,
    sum(total_amount) filter (where return_of is not null or status = any (array['return'])) as back,
    count(*) filter (where return_of isnull and total_amount - tax_amount > (select avg(total_amount) from orders)) as large
from orders group by 1;
select sold_on, revenue, avg(revenue) over (partition by store_id, (returned_units is not null and units in (0, 1)) order by sold_on
    rows between 2 * 7 preceding and 7 - 1 following) from daily_totals limit 3;
with both_ways as ((select customer_id from orders where payment_method = 'cash') intersect
    select customer_id from orders where payment_method = 'card' group by 1 having count(*) > 1 offset 1)
select count(*) from both_ways;
select name from stores as s where exists ((select o.store_id from orders as o where o.store_id = s.store_id) intersect (select store_id from daily_totals));
select 'all' as label union all ((select store_key from stores union select name from categories) order by 1 offset 2);
((select city from stores union select 'Renton') except select city from customers group by 1 having count(*) > 9 union select 'x') except select 'y';
select store_id, sum(total_amount) over (order by order_date + interval '1 day' groups between 3 preceding and current row) as recent from orders limit 3;
select cast(total_amount as "text"), cast('1' as "numeric"(10, 2)) as "numeric" from orders limit 1;
select s.name, t.letter from stores as s join (rows from (generate_series(1, 2), unnest(array['a', 'b'])) with ordinality as t (n, letter, place) cross join categories as c) on t.n = 1 limit 3;
select * from jsonb_to_recordset('[{"a": "x", "B": 2.55}]') as r (a "text", "B" "numeric"(5, 1), c "char", d pg_catalog.int4, e national character varying(3), f national char, g pg_catalog."char");
select * from json_to_record('{"a": "x"}') as (a "text" collate "C", "text" "text"[]);
select "text" 'abc' || "text" 'def', national character 'x', national char varying (2) 'abc', cast('x' as national character varying(40)), cast(name as "char"), "char" 'a' from stores;
select 1, name "text", "text".city "int4" from stores "text" where "text".name > '' order by "int4";
with recursive as (select name from stores) select recursive.name from recursive;
with recursive (a, b) as (values (1, 2)) select a + b from recursive;
with recursive recursive as (select 1 as n union all select n + 1 from recursive where n < 3) select * from recursive;
with national as (select 1 as national), recursive as not materialized (select national from national) select national as recursive from recursive;
select overlay(sku, '**', 2, 3), overlay(name, upper(left(name, 1)), 1) || overlay(sku placing lower(sku) from 2 for 3) from products limit 1;
select zone * 2, t.zone * 3, by * 2 - passing * zone, -zone * 1.5, sum(escape * zone) over (partition by by * 2), t.like * 2
from (select 1 as zone, 2 as by, 3 as passing, 4 as escape, 5 as like) t where passing * 2 > 3 order by zone * 2, escape * passing desc;
select rollup in ('day', 'week') as known, cube = (select 'x') as same, rollup || ('y' || cube) from (select 'day' as rollup, 'x' as cube) t
where not rollup in ('year') group by rollup, cube, rollup (cube);
with values (value, share) as (values (1, 0.5), (2, 0.5)) select value * share as part from values;
with recursive values (n) as (select 1 union all select n + 1 from values where n < 3) select sum(n) from values;
with cust as (
  select c.customer_id, c.loyalty_tier, max(o.order_date) as last_at, min(o.order_date) as first_at, count(*) as n, sum(o.total_amount) as spent
  from customers c join orders o using (store_id, customer_id) group by 1, 2
), m as (
  select *, extract(day from now() - last_at) as recency, extract(day from last_at - first_at) / nullif(n - 1, 0) as gap, spent / n as aov from cust
), s as (
  select *, case when recency <= 30 then 5 when recency <= 60 then 4 when recency <= 120 then 3 when recency <= 240 then 2 else 1 end as r,
    case when n >= 10 then 5 when n >= 6 then 4 when n >= 4 then 3 when n >= 2 then 2 else 1 end as f,
    case when spent >= 5000 then 5 when spent >= 2000 then 4 when spent >= 1000 then 3 when spent >= 300 then 2 else 1 end m
  from m
), seg as (
  select *, r || '' || f || '' || m as code, r + f + m as total,
    case when r >= 4 and f >= 4 and m >= 4 then 'Champions' when r >= 3 and f >= 3 then 'Loyal' when r >= 4 and f <= 1 then 'New'
      when r >= 3 and f <= 3 then 'Potential' when r = 2 and f >= 3 then 'At risk' when r <= 2 and f >= 4 and m >= 4 then 'Cannot lose'
      when r <= 2 and f <= 2 then 'Asleep' else 'Need attention' end as segment
  from s
), act as (
  select *, case segment when 'Champions' then 'Reward' when 'Loyal' then 'Upsell' when 'New' then 'Onboard' when 'Potential' then 'Offer'
      when 'At risk' then 'Win back' when 'Cannot lose' then 'Call' when 'Asleep' then 'Reactivate' else 'Survey' end as action,
    case when segment in ('Champions', 'Loyal') then 'retain' when segment in ('At risk', 'Cannot lose') then 'rescue' when segment = 'Asleep' then 'ignore' else 'grow' end as strategy
  from seg
)
select segment, strategy, action, count(*) as customers, round(avg(total), 1) as avg_score, sum(spent) as revenue, round(100.0 * sum(spent) / sum(sum(spent)) over (), 2) as share
from act group by segment, strategy, action order by case strategy when 'rescue' then 1 when 'retain' then 2 when 'grow' then 3 else 4 end, revenue desc;
with base as (
  select c.customer_id, c.first_name || ' ' || c.last_name as customer_name, min(o.order_date) as first_order, max(o.order_date) as last_order,
         count(distinct o.order_id) as orders, sum(oi.total_amount) as revenue, sum(oi.discount_amount) as discounts, avg(oi.total_amount) as avg_line
  from retail.customers c left join retail.orders o using (customer_id) left join retail.order_items oi using (order_id)
  group by c.customer_id, c.first_name, c.last_name
), enriched as (
  select *, current_date - last_order::date as recency_days, last_order::date - first_order::date as tenure_days,
         revenue / nullif(orders, 0) as aov, discounts / nullif(revenue + discounts, 0) as discount_rate
  from base
), flags as (
  select *, case when recency_days > 180 then 3 when recency_days > 90 then 2 when recency_days > 30 then 1 else 0 end as recency_flag,
         case when orders = 1 then 2 when orders between 2 and 3 then 1 else 0 end as frequency_flag,
         case when aov < 50 then 2 when aov between 50 and 150 then 1 else 0 end as value_flag,
         case when discount_rate > 0.3 then 2 when discount_rate > 0.1 then 1 else 0 end as discount_flag,
         case when tenure_days < 30 then 2 when tenure_days < 365 then 1 else 0 end as tenure_flag
  from enriched
), scored as (
  select *, recency_flag * 30 + frequency_flag * 20 + value_flag * 15 + discount_flag * 10 + tenure_flag * 5 as risk_score from flags
), leveled as (
  select *, case when risk_score >= 150 then 'critical' when risk_score >= 100 then 'high' when risk_score between 50 and 99 then 'medium' when risk_score > 0 then 'low' else 'none' end as risk_level
  from scored
), actioned as (
  select *, case risk_level when 'critical' then 'call now' when 'high' then 'win-back email' when 'medium' then 'coupon' when 'low' then 'newsletter' else 'nothing' end as action,
     case when risk_level in ('critical', 'high') and revenue > 1000 then 'P1' when risk_level in ('critical', 'high') then 'P2' when risk_level = 'medium' then 'P3' else 'P4' end as priority
  from leveled
)
select customer_name, risk_score, risk_level, action, priority, case when priority in ('P1', 'P2') then 'manager' else 'clerk' end as owner,
    case when priority = 'P1' then 1 else 7 end as days, round(revenue, 2) as revenue
from actioned
where risk_level in ('critical', 'high', 'medium') and priority <> 'P4'
order by case priority when 'P1' then 1 when 'P2' then 2 when 'P3' then 3 else 4 end, risk_score desc, revenue desc nulls last
limit 50;
with stats as (select product_id, count(*), min(unit_price), max(unit_price), avg(unit_price), sum(quantity) from order_items group by 1),
a as (select s.*, p.name, s.max - s.min as spread, s.max / nullif(s.min, 0) as ratio, s.sum / nullif(s.count, 0) as per_line from stats s join products p on p.product_id = s.product_id),
b as (select a.*, c.category_id, case when a.ratio > 2 and a.count > 10 then 'volatile' when a.ratio between 1.2 and 2 then 'normal' else 'stable' end as cls, case when a.count > 100 then 'fast' when a.count > 20 then 'mid' else 'slow' end as speed from a join products c using (product_id)),
c as (select b.*, b.cls || '/' || b.speed as cell, case when b.cls = 'volatile' and b.speed = 'fast' then 'fix price' when b.cls = 'stable' and b.speed in ('fast', 'mid') then 'keep' when b.count < 5 then 'drop' else 'watch' end as action from b left join stats s2 on s2.product_id = b.product_id and s2.count > 3),
d as (select c.*, case c.action when 'fix price' then 1 when 'keep' then 2 when 'watch' then 3 else 4 end as prio from c)
select d.cell, d.action, d.prio, count(*) as products, round(avg(d.avg), 2) as price, sum(d.sum) as units from d group by d.cell, d.action, d.prio order by d.prio, units desc;
with sold as (
  select product_id, count(*) as n, sum(total_amount) as spent, sum(quantity) as units, sum(discount_amount) as disc, max(order_date) as last_at from order_items group by product_id
), rates as (
  select *, spent / nullif(units, 0) as price, disc / nullif(spent + disc, 0) as rate, extract(day from now() - last_at) as idle from sold
), classes as (
  select *, case when price between 0 and 20 then 'cheap' when price between 20 and 60 then 'mid' when price between 60 and 200 then 'dear' else 'luxury' end as band,
    case when rate between 0 and 0.05 then 'full' when rate between 0.05 and 0.15 then 'some' else 'cut' end as cut,
    case when idle between 0 and 30 then 'hot' when idle between 30 and 90 then 'warm' when idle between 90 and 180 then 'cool' else 'cold' end as heat from rates
), cells as (
  select *, band || '/' || heat as cell, case when band in ('dear', 'luxury') and heat in ('cool', 'cold') then 'risk' when heat = 'hot' and cut = 'full' then 'star' when cut = 'cut' then 'watch' else 'core' end as kind from classes
), scored as (
  select *, case kind when 'risk' then 1 when 'watch' then 2 when 'core' then 3 else 4 end as place, case when idle between 0 and 14 then 1 when idle between 14 and 60 then 2 else 3 end as wait,
    case when kind = 'risk' and units between 0 and 10 then 'drop' when kind in ('risk', 'watch') then 'price' when kind = 'star' then 'promote' else 'keep' end as action from cells
), plans as (
  select *, case when action in ('drop', 'price') and spent between 0 and 500 then 'later' when action = 'promote' or units between 100 and 900 then 'now' when idle between 0 and 45 then 'soon' else 'never' end as due from scored
)
select due, action, kind, count(*) as products, sum(spent) as spent, round(avg(place), 2) as place from plans
where due in ('now', 'soon') and idle between 0 and 400 group by due, action, kind order by due, spent desc;
SELECT "products"."product_id", "products"."name" FROM "products" WHERE (to_tsvector('english'::regconfig, COALESCE("products"."name", '') || ' ' || COALESCE("products"."description", ''))) @@ (websearch_to_tsquery('english'::regconfig, 'cordless drill')) LIMIT 21;
SELECT retail.products.name, ts_rank(to_tsvector(CAST('english' AS REGCONFIG), retail.products.description), plainto_tsquery('simple'::REGCONFIG, 'drill')) AS rank, ts_headline('english'::REGCONFIG, retail.products.description, plainto_tsquery('english'::REGCONFIG, 'drill')) AS headline FROM retail.products ORDER BY rank DESC LIMIT 5;
SELECT MOD(ABS(HASHTEXTEXTENDED("t0"."sku", 0)), 10) AS "bucket", COUNT(*) AS "n" FROM "retail"."products" AS "t0" GROUP BY 1;
with lines as (
  select product_id, order_date, quantity, unit_price, unit_cost, discount_percent, total_amount from order_items
), margins as (
  select *, total_amount - quantity * unit_cost as margin, round(unit_price / nullif(unit_cost, 0), 2) as markup from lines
), bands as (
  select *, case when unit_price < 15 then 'cheap' when unit_price < 60 then 'mid' when unit_price < 200 then 'dear' else 'luxury' end as band,
    case when discount_percent >= 15 then 'cut' when discount_percent > 0 then 'some' else 'full' end as cut from margins
), grades as (
  select *, case when band = 'luxury' and margin > 100 then 'A' when band in ('dear', 'luxury') or markup > 3 then 'B' when band = 'mid' and cut = 'full' then 'C' else 'D' end as grade,
    case band when 'luxury' then 4 when 'dear' then 3 when 'mid' then 2 else 1 end as place from bands
), kinds as (
  select *, case when grade = 'A' and cut <> 'full' then 'rebate' when grade in ('A', 'B') and place > 2 then 'star' when grade = 'C' or margin between 5 and 20 then 'core' else 'rest' end as kind,
    case when grade = 'D' and quantity > 2 then 'bulk' when grade = 'D' then 'single' else 'line' end as size from grades
), risks as (
  select *, case when kind = 'rebate' then 'high' when kind = 'rest' and size = 'bulk' then 'watch' when kind in ('star', 'core') and margin > 0 then 'low' else 'some' end as risk,
    case kind when 'star' then 3 when 'core' then 2 when 'rebate' then 1 else 0 end as weight from kinds
), actions as (
  select *, case when risk = 'high' and weight < 2 then 'reprice' when risk = 'watch' then 'bundle' when kind = 'star' or weight = 3 then 'promote' else 'keep' end as action from risks
), plans as (
  select *, case when action = 'reprice' and risk = 'high' then 'now' when action = 'promote' then 'soon' when action = 'bundle' then 'later' else 'never' end as due from actions
)
select due, action, count(*) as lines, sum(total_amount) as revenue, round(avg(margin), 2) as margin
from plans group by due, action order by revenue desc nulls last limit 20;

-- What tools write for relations of relations as JSON: Hasura, PostgREST, Prisma, Drizzle.
SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_0_e" FROM (SELECT "_0_root.base"."store_id" AS "store_id0", "_0_root.base"."name" AS "name1", "_0_root.base"."city" AS "city2", "_00_rel"."j_00_rel" AS "j_00_rel") AS "_0_e")) AS "root" FROM (SELECT * FROM "retail"."stores" WHERE ('true') LIMIT 2) AS "_0_root.base"
 LEFT OUTER JOIN LATERAL (SELECT row_to_json((SELECT "_1_e" FROM (SELECT "_1_root.base"."order_id" AS "order_id0", "_1_root.base"."order_date" AS "order_date1", "_1_root.base"."store_id" AS "store_id2", "_10_rel"."j_10_rel" AS "j_10_rel") AS "_1_e")) AS "j_00_rel" FROM (SELECT * FROM "retail"."orders" WHERE (("_0_root.base"."store_id") = ("store_id")) LIMIT 1) AS "_1_root.base"
 LEFT OUTER JOIN LATERAL (SELECT coalesce(json_agg("j_10_rel"), '[]') AS "j_10_rel" FROM (SELECT row_to_json((SELECT "_2_e" FROM (SELECT "_2_root.base"."store_id" AS "store_id0", "_2_root.base"."name" AS "name1", "_2_root.base"."city" AS "city2", "_20_rel"."j_20_rel" AS "j_20_rel") AS "_2_e")) AS "j_10_rel" FROM (SELECT * FROM "retail"."stores" WHERE (("_1_root.base"."store_id") = ("store_id")) LIMIT 1) AS "_2_root.base"
 LEFT OUTER JOIN LATERAL (SELECT row_to_json((SELECT "_3_e" FROM (SELECT "_3_root.base"."order_id" AS "order_id0", "_3_root.base"."order_date" AS "order_date1", "_3_root.base"."store_id" AS "store_id2") AS "_3_e")) AS "j_20_rel" FROM (SELECT * FROM "retail"."orders" WHERE (("_2_root.base"."store_id") = ("store_id")) LIMIT 1) AS "_3_root.base") AS "_20_rel" ON ('true')) AS "r_10_rel") AS "_10_rel" ON ('true')) AS "_00_rel" ON ('true')) AS "_root";
WITH pgrst_source AS ( SELECT "stores_00"."store_id", "stores_00"."name", "stores_00"."city", row_to_json("stores_00_orders_0".*)::jsonb AS "r0" FROM "retail"."stores" AS "stores_00"
 LEFT JOIN LATERAL ( SELECT "orders_10"."order_id", "orders_10"."order_date", "orders_10"."store_id", COALESCE( "orders_10_stores_0"."orders_10_stores_0", '[]') AS "r0" FROM "retail"."orders" AS "orders_10"
 LEFT JOIN LATERAL ( SELECT json_agg("orders_10_stores_0")::jsonb AS "orders_10_stores_0" FROM (SELECT "stores_20"."store_id", "stores_20"."name", "stores_20"."city", row_to_json("stores_20_orders_0".*)::jsonb AS "r0" FROM "retail"."stores" AS "stores_20"
 LEFT JOIN LATERAL ( SELECT "orders_30"."order_id", "orders_30"."order_date", "orders_30"."store_id" FROM "retail"."orders" AS "orders_30" WHERE "orders_30"."store_id" = "stores_20"."store_id" ) AS "stores_20_orders_0" ON TRUE WHERE "stores_20"."store_id" = "orders_10"."store_id" ) AS "orders_10_stores_0" ) AS "orders_10_stores_0" ON TRUE WHERE "orders_10"."store_id" = "stores_00"."store_id" ) AS "stores_00_orders_0" ON TRUE LIMIT 10 OFFSET 0 ) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body FROM ( SELECT * FROM pgrst_source ) _postgrest_t;
SELECT "t0"."store_id", "t0_0"."__prisma_data__" AS "rel0" FROM "retail"."stores" AS "t0"
 LEFT JOIN LATERAL (SELECT JSONB_BUILD_OBJECT('order_id', "t1"."order_id", 'order_date', "t1"."order_date", 'store_id', "t1"."store_id", 'rel0', "t0_0_0"."__prisma_data__") AS "__prisma_data__" FROM (SELECT "t1".* FROM "retail"."orders" AS "t1" WHERE "t0"."store_id" = "t1"."store_id" LIMIT 1) AS "t1"
 LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "xt0_0_0"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('store_id', "t2"."store_id", 'name', "t2"."name", 'city', "t2"."city", 'rel0', "t0_0_0_0"."__prisma_data__") AS "__prisma_data__" FROM (SELECT "t2".* FROM "retail"."stores" AS "t2" WHERE "t1"."store_id" = "t2"."store_id" LIMIT 1) AS "t2"
 LEFT JOIN LATERAL (SELECT JSONB_BUILD_OBJECT('order_id', "t3"."order_id", 'order_date', "t3"."order_date", 'store_id', "t3"."store_id") AS "__prisma_data__" FROM (SELECT "t3".* FROM "retail"."orders" AS "t3" WHERE "t2"."store_id" = "t3"."store_id" LIMIT 1) AS "t3") AS "t0_0_0_0" ON TRUE) AS "xt0_0_0") AS "yt0_0_0") AS "t0_0_0" ON TRUE) AS "t0_0" ON TRUE;
select "stores"."store_id", "stores"."name", "stores"."city", "stores_r0"."data" as "stores_r0" from "retail"."stores" "stores"
 left join lateral (select json_build_array("stores_r0"."order_id", "stores_r0"."order_date", "stores_r0"."store_id", "stores_r0_0"."data") as "data" from (select * from "retail"."orders" "stores_r0" where "stores_r0"."store_id" = "stores"."store_id" limit 1) "stores_r0"
 left join lateral (select coalesce(json_agg(json_build_array("stores_r0_0"."store_id", "stores_r0_0"."name", "stores_r0_0"."city", "stores_r0_0_0"."data")), '[]'::json) as "data" from "retail"."stores" "stores_r0_0"
 left join lateral (select json_build_array("stores_r0_0_0"."order_id", "stores_r0_0_0"."order_date", "stores_r0_0_0"."store_id") as "data" from (select * from "retail"."orders" "stores_r0_0_0" where "stores_r0_0_0"."store_id" = "stores_r0_0"."store_id" limit 1) "stores_r0_0_0") "stores_r0_0_0" on true where "stores_r0_0"."store_id" = "stores_r0"."store_id") "stores_r0_0" on true) "stores_r0" on true limit 3;
select json_build_object('store', s.name, 'orders', (select json_agg(row_to_json(o)) from (select order_id::text as id, order_date::text as day from orders where store_id = s.store_id order by order_date desc limit 3) o))::text as line from stores s limit 3;
select array_to_string(array_agg(distinct s.city order by s.city), ', ') as cities, string_agg(format('%s (%s)', s.name, s.city), '; ') as stores, jsonb_agg(to_jsonb(s) - 'store_id')::text as all_of_them, concat_ws(' | ', min(s.name), (array_agg(s.city))[1]::text) as first from stores s;
with tags as (select product_id, string_to_array(lower(name), ' ') as words from products), lines as (select product_id, array_to_string(words, '-') as slug, words[1] || ' ' || cardinality(words)::text as head from tags) select row(l.product_id, l.slug)::text as key, to_json(l)::text as line, l.head || '!' as said from lines l order by 1 limit 3;
select rank() over (partition by city collate pg_catalog."C" order by name collate "C"), max(r.sku) over w from stores, json_to_recordset('[{"sku": "a"}]') as r (sku text collate pg_catalog."C", qty int) window w as (order by r.sku collate pg_catalog."C");
select t.search, cycle, k.search from (values (1, 2)) as t (search, cycle) join (values (1)) as u (search) using (search) as k;
with recursive kinds as (select c.category_id, c.name, array[c.name] as path from categories c union all select k.category_id, t.name, k.path || t.name from kinds k join product_types t on t.category_id = k.category_id where cardinality(k.path) < 2) select repeat('  ', cardinality(path) - 1) || name as tree, repeat(' ', array_length(path, 1)) || name, repeat('-', 20 * 3) as line from kinds order by path limit 3;
select json_build_object('movers', (select json_agg(t) from (with cur as (select l.product_id, sum(l.quantity) as units, sum(l.total_amount) as revenue, sum(l.total_amount - l.cost) as margin from api.sale_lines l where l.sold_on > date '2026-05-31' group by l.product_id), prev as (select l.product_id, sum(l.total_amount) as revenue from api.sale_lines l where l.sold_on between date '2026-05-01' and date '2026-05-31' group by l.product_id), both_ as (select coalesce(c.product_id, p.product_id) as product_id, coalesce(c.units, 0) as units, coalesce(c.revenue, 0) as revenue, coalesce(p.revenue, 0) as before, coalesce(c.margin, 0) as margin from cur c full join prev p on p.product_id = c.product_id), scored as (select b.*, pr.name, ct.name as category, b.revenue - b.before as delta, case when b.before = 0 and b.revenue > 0 then 'new' when b.revenue = 0 and b.before > 0 then 'gone' when b.revenue >= 1.2 * b.before then 'up' when b.revenue <= 0.8 * b.before then 'down' else 'flat' end as movement, row_number() over (partition by pr.category_id order by b.revenue desc) as place, sum(b.revenue) over (partition by pr.category_id) as of_category from both_ b join retail.products pr on pr.product_id = b.product_id join retail.categories ct on ct.category_id = pr.category_id) select category, name, movement, units, revenue, delta, round(100 * revenue / nullif(of_category, 0), 1) as share, round(100 * margin / nullif(revenue, 0), 1) as margin_percent, (select count(*) from scored p where p.movement = s.movement) as peers from scored s where place <= 3 order by category, place) t)) as dashboard;
