-- Attacks and mistakes, each refused for the reason given. PostgreSQL would run many of them.
-- <U+00A0> stands for that character.

-- family: functions, in every position
-- refused: function
select pg_sleep(1)
-- refused: function
select 1 from set_config('a', 'b', true)
-- refused: function
select * from orders, lateral pg_sleep(1) x
-- refused: function
select * from rows from (set_config('a', 'b', true)) r
-- refused: function
select count(*) filter (where pg_sleep(1) is null) from orders
-- refused: function
select sum(1) over (partition by set_config('a', 'b', true))
-- refused: function
select sum(1) over (order by pg_sleep(1))
-- refused: function
select sum(1) over (rows pg_sleep(1) preceding)
-- refused: function
select sum(1) over (rows between 1 preceding and pg_sleep(1) following)
-- refused: function
select 1 order by set_config('a', 'b', true)
-- refused: function
select 1 limit pg_sleep(1)
-- refused: function
select 1 offset set_config('a', 'b', true)
-- refused: function
select 1 fetch first (pg_sleep(1)) rows only
-- refused: function
select case when set_config('a', 'b', true) is null then 1 end
-- refused: function
select array[pg_sleep(1)]
-- refused: function
select array(select set_config('a', 'b', true))
-- refused: function
select coalesce(pg_sleep(1),null)
-- refused: function
select json_object('a':set_config('a', 'b', true))
-- refused: function
select json_value('1','$' passing pg_sleep(1) as x)
-- refused: function
select extract(year from set_config('a', 'b', true))
-- refused: function
select substring('a' from pg_sleep(1))
-- refused: function
select position('a' in set_config('a', 'b', true))
-- refused: function
select overlay('a' placing pg_sleep(1) from 1)
-- refused: function
select trim(both from set_config('a', 'b', true))
-- refused: function
select row(pg_sleep(1))
-- refused: function
select (set_config('a', 'b', true))
-- refused: function
select x.a[pg_sleep(1)] from orders x
-- refused: function
select cast(set_config('a', 'b', true) as text)
-- refused: function
select pg_sleep(1)::text
-- refused: function
values (set_config('a', 'b', true))
-- refused: function
with a as (select pg_sleep(1)) select * from a
-- refused: function
select exists(select set_config('a', 'b', true))
-- refused: function
select 1 = any(select pg_sleep(1))
-- refused: function
select 1 where set_config('a', 'b', true) is not null
-- refused: function
select 1 group by pg_sleep(1)
-- refused: function
select 1 having set_config('a', 'b', true) is null
-- refused: function
select percentile_cont(0.5) within group (order by pg_sleep(1)) from orders
-- refused: function
select 1 window w as (order by set_config('a', 'b', true))
-- refused: function
select distinct on (pg_sleep(1)) 1
-- refused: function
select 1 union select set_config('a', 'b', true)
-- refused: function
select 1 from orders join customers on pg_sleep(1) is null
-- refused: function
select count(distinct set_config('a', 'b', true))
-- refused: function
select string_agg('a','b' order by pg_sleep(1))
-- refused: function
select grouping(set_config('a', 'b', true)) 
-- refused: function
select make_interval(days => pg_sleep(1))
-- refused: function
select treat(set_config('a', 'b', true) as text)
-- refused: function
select ceil(1,2,pg_sleep(1))
-- refused: function
select sha256('a',set_config('a', 'b', true))
-- refused: function
select format('%s',pg_sleep(1))
-- refused: syntax
select interval set_config('a', 'b', true) day
-- refused: function
select pg_sleep(1) at time zone 'x'
-- refused: function
select 'a' like 'b' escape set_config('a', 'b', true)
-- refused: function
select 1 between pg_sleep(1) and 2
-- refused: function
select f from (values(set_config('a', 'b', true))) v(f)
-- refused: function
select * from generate_series(1,pg_sleep(1))
-- refused: function
select not set_config('a', 'b', true)
-- refused: function
select -pg_sleep(1)
-- refused: function
select 1 operator(pg_catalog.+) set_config('a', 'b', true)

-- family: functions that must not be called
-- refused: function
select set_config('a','b',true)
-- refused: function
select lo_create(0)
-- refused: function
select txid_current()
-- refused: function
select current_setting('zava.context')
-- refused: function
select pg_relation_size(1259)
-- refused: function
select pg_notify('a','b')
-- refused: function
select query_to_xml('select 1',true,true,'')
-- refused: function
select evil()
-- refused: function
select ts_stat('select 1')
-- refused: function
select version()
-- refused: function
select zava.visible_stores('x')
-- refused: function
select public.evil()
-- refused: function
select xpath('/','<a/>'::xml)
-- refused: function
select pg_advisory_lock(1)
-- refused: function
select pg_try_advisory_xact_lock(1)
-- refused: function
select lo_from_bytea(0, 'x')
-- refused: function
select lo_export(1, 'x')
-- refused: function
select pg_logical_emit_message(true, 'a', 'b')
-- refused: function
select pg_export_snapshot()
-- refused: function
select pg_read_file('x')
-- refused: function
select pg_ls_dir('.')
-- refused: function
select pg_stat_get_live_tuples(1)
-- refused: function
select pg_total_relation_size('x')
-- refused: function
select pg_get_functiondef(1)
-- refused: function
select pg_terminate_backend(1)
-- refused: function
select table_to_xml('x', true, true, '')
-- refused: function
select database_to_xml(true, true, '')
-- refused: function
select cursor_to_xml('x', 1, true, true, '')
-- refused: function
select ts_rewrite('a', 'select 1')
-- refused: function
select current_database()
-- refused: function
select inet_server_addr()
-- refused: function
select pg_backend_pid()
-- refused: function
select pg_current_xact_id()
-- refused: function
select txid_status(1)
-- refused: function
select dblink('x', 'y')
-- refused: function
select set_limit(0.1)
-- refused: function
select factorial(30000)
-- refused: function
select array_fill(0, array[10000, 10000])
-- refused: function
select json_populate_record(null, '{}')
-- refused: function
select jsonb_to_recordset('[]')
-- refused: function
select xmlagg('x')
-- refused: function
select pg_sleep_for('1 day')
-- refused: function
select pg_sleep_until('tomorrow')
-- refused: function
select pg_cancel_backend(1)
-- refused: function
select has_schema_privilege('zava', 'usage')
-- refused: function
select to_regproc('x')
-- refused: function
select obj_description(1)
-- refused: function
select col_description(1, 1)
-- refused: function
select pg_describe_object(1, 1, 1)
-- refused: function
select row_security_active('x')
-- refused: function
select pg_input_error_info('a', 'regclass')
-- refused: function
select currval('x')
-- refused: function
select lastval()
-- refused: function
select setval('x', 1)
-- refused: function
select int4pl(1, 2)
-- refused: function
select textout('a')
-- refused: function
select array_out('{}')
-- refused: function
select pg_column_size(1)
-- refused: function
select zava.whoami()
-- refused: function
select retail.f(1)
-- refused: function
select a.b.c(1)
-- refused: function
select pg_catalog.current_setting('x')
-- refused: function
select "pg_sleep"(1)
-- refused: function
select PG_SLEEP(1)
-- refused: function
select "PG_SLEEP"(1)
-- refused: function
select api.unknown_function()
-- refused: function
select whoami()
-- refused: function
select api.a.b()
-- refused: function
select information_schema._pg_expandarray(array[1])

-- family: relations, in every position
-- refused: relation
select * from pg_roles
-- refused: relation
table zava.principals
-- refused: relation
select 1 union table pg_catalog.pg_authid
-- refused: relation
select * except table information_schema.tables
-- refused: relation
select (table "pg_stats")
-- refused: relation
select * from orders, pg_roles
-- refused: relation
select * from orders join zava.principals on true
-- refused: relation
select * from (select * from pg_catalog.pg_authid) x
-- refused: relation
select * from (information_schema.tables x join orders on true)
-- refused: relation
with "pg_stats" as (select 1) select * from "pg_stats"
-- refused: relation
with x as (select * from pg_roles), pg_roles as (select 1) select * from x
-- refused: relation
select * from only zava.principals
-- refused: relation
select * from only (pg_catalog.pg_authid)
-- refused: relation
select exists(select * from information_schema.tables)
-- refused: relation
select 1 in (table "pg_stats")
-- refused: relation
select from values, pg_roles
-- refused: relation
select * from orders natural join zava.principals
-- refused: relation
select * from pg_catalog.pg_authid * 
-- refused: relation
select 1 from orders l<U+0131>m<U+0131>t, information_schema.tables
-- refused: relation
select x.* from "pg_stats" as x
-- refused: relation
select count(*) from pg_roles tablesample system(1)
-- refused: relation
select array(table pg_catalog.pg_authid)
-- refused: relation
select * from pg_temp.x
-- refused: relation
select * from evil.t
-- refused: relation
select * from db.shop.orders
-- refused: relation
select * from "PG_ROLES"
-- refused: relation
with pg_roles as (select * from pg_roles) select * from pg_roles
-- refused: relation
with "PG_ROLES" as (select 1) select * from pg_roles
-- refused: relation
with information_schema as (select 1) select * from information_schema
-- refused: relation
select (with pg_authid as (select 1) select 1 from pg_authid)
-- refused: relation
select ef_search from search_regions
-- refused: relation
table retail.search_regions
-- refused: relation
select 1 from retail.search_assortments_5ec2e702000040008000000000000000_1_idx
-- refused: relation
select exists(table search_assortments_5ec2e702000040008000000000000000_1_idx)
-- refused: relation
with search_regions as (select 1) select * from search_regions

-- family: parsers that disagree, attribute notation, types, lengths, statements, forms of strings
-- refused: relation
select 1 #--'
 2, (select count(*) from pg_roles) --'
-- refused: multiple_statements
select 1 #--'
 2; commit; create temp table zz(a int); select 42 --'
-- refused: relation
select point '(0,0)' <<|/*"*/ point '(1,1)', (select count(*) from pg_roles) --"
-- refused: bad_character
select <U+00A0>$x$, (select count(*) from pg_roles), <U+00A0>$x$ from (select 1 as "<U+00A0>$x$") t
-- refused: function
select $é$ $è$ $é$, pg_sleep(1), $è$x$è$
-- refused: relation
select 1 /* /* */* */ , (select count(*) from pg_roles) -- */
-- refused: function
select name, store_id from customers begin fetch first (select 3 from (select set_config('zava.store', md5('s2')::uuid::text, true) offset 0) s) rows only
-- refused: function
select x.pg_advisory_lock from generate_series(1, 3) x
-- refused: function
select x.current_setting from unnest(array['zava.context']) x
-- refused: function
select (3).pg_sleep
-- refused: function
select ('pg_authid').regclassin
-- refused: function
select ((('10'))).regrolein::text
-- refused: function
select ('a'::text).current_setting
-- refused: function
select (x).lo_create from generate_series(1,3) x
-- refused: function
select date_part(x.current_setting, now()) from unnest(array['zava.context']) x
-- refused: function
select "extract"(x.fn, now()) from orders x
-- refused: function
select ( @ pg_relation_size ( o ) ) from ( select 1259 :: oid as o ) t
-- refused: function
select ( select 1 join offset lo_create ( a ) ) from ( select 0 as a ) t
-- refused: relation
select 1 join limit ( table pg_roles )
-- refused: function
select struct < a , pg_sleep ( 0.3 ) > ( 3 )
-- refused: function
select struct < a, pg_sleep(0.3) > is null
-- refused: type
select 1::oid between regclass 'pg_authid' and 5
-- refused: type
select json_object ( regclass 'x' )
-- refused: type
select interval ~ T 'x'
-- refused: type
select 'x' :: text . evil
-- refused: function
select treat(0.3 as pg_sleep)
-- refused: function
select regclass('pg_authid')
-- refused: type
select 'pg_authid'::regclass
-- refused: type
select cast('a' as regproc)
-- refused: type
select regclass 'x'
-- refused: type
select 'x'::pg_catalog.regclass
-- refused: type
select 'x'::"regclass"
-- refused: unbounded
select format('%1000000000s','x')
-- refused: unbounded
select format('%*s',1000000000,'x')
-- refused: unbounded
select format('%1$*2$s','x',100000000)
-- refused: unbounded
select repeat('x',500000000)
-- refused: unbounded
select repeat('x',n) from generate_series(1,1) n
-- refused: unbounded
select lpad('x',1000000000)
-- refused: unbounded
select rpad('x',least(n,1)*1000000000) from orders
-- refused: function
select array_fill(0,array[10000,10000])
-- refused: type
select 'x'::char(10000000)
-- refused: function
select bpchar('x',10000000)
-- refused: syntax
select varchar('x',10000000,true)
-- refused: function
select xmlelement(name a, (select 1))
-- refused: function
select xmlserialize(content (t) as evil)
-- refused: function
select xmlforest(1)
-- refused: function
select xmlparse(content 'x')
-- refused: function
select xmlpi(name x)
-- refused: function
select * from xmltable('x' passing 'y' columns a int)
-- refused: function
select json_table('1','$' columns(a int))
-- refused: type
select * from json_table('1','$' columns(a regclass path '$'))
-- refused: multiple_statements
select 1; select 2
-- refused: multiple_statements
; select 1; select 2
-- refused: statement
;; drop table x
-- refused: select_into
select 1 into x
-- refused: row_lock
select * from orders for update
-- refused: row_lock
select * from orders for share
-- refused: statement
with x as (delete from orders returning *) select * from x
-- refused: statement
insert into orders values(1)
-- refused: statement
copy orders to stdout
-- refused: statement
explain select 1
-- refused: statement
show all
-- refused: statement
set role x
-- refused: statement
begin
-- refused: statement
commit
-- refused: statement
do $$ $$
-- refused: statement
call x()
-- refused: statement
prepare a as select 1
-- refused: statement
execute a
-- refused: statement
lock orders
-- refused: statement
listen x
-- refused: syntax
select $1
-- refused: syntax
select :x
-- refused: multiple_statements
select 1 ) as q; drop table x; --
-- refused: syntax
select 1) union (select 2
-- refused: syntax
(select 1
-- refused: syntax
select 1))
-- refused: syntax
select 1 -- x
) as q
-- refused: syntax
select ' 
-- refused: syntax
select "
-- refused: syntax
select 1 /* 
-- refused: syntax
select $$x
-- refused: statement

-- refused: statement
  
-- refused: statement
;
-- refused: statement
;;
-- refused: statement
--
-- refused: unsupported
select U&'x
-- refused: unsupported
select U&"x
-- refused: syntax
select N'x
-- refused: unsupported
select E'\'
-- refused: bad_character
select e'\x00'
-- refused: bad_character
select 1<U+0000>, garbage
-- refused: bad_character
select <U+D800>
-- refused: unsupported
select 'a' 'b'
-- refused: function
select current_user
-- refused: function
select session_user
-- refused: function
select user
-- refused: function
select current_role
-- refused: function
select current_catalog
-- refused: syntax
select current_schema
-- refused: function
select current_schema()
-- refused: function
select system_user
-- refused: function
select merge_action()
-- refused: function
select * from orders o where o.pg_sleep is null
-- refused: function
select (orders).xml from orders
-- refused: function
select t.regclass from (select 'a'::text) t
-- refused: function
select a.b.c.d.pg_sleep from a
-- refused: type
select count(*) from json_to_recordset('[]') as x(a regclass)
-- refused: type
select * from rows from (json_to_record('{}') as (a int, b "regclass"))
-- refused: function
select * from json_to_recordset('[]') as x(a)
-- refused: function
select json_to_record('{}') from json_to_record('{}') as x(a int)
-- refused: function
select * from zava.json_to_record('{}') as x(a int)
-- refused: function
select * from api.f() as x(a regclass)
-- refused: type
select * from generate_series(1,2) as x(a evil)
-- refused: function
select numeric_send(1)
-- refused: function
select int4pl(1,2)
-- refused: syntax
select collation for ('x')
-- refused: type
select ('x'::zava.t)
-- refused: type
select 1::evil
-- refused: type
select evil 'x'
-- refused: function
select evil(1) 'x'
-- refused: syntax
select vector(1) 'x'
-- refused: syntax
select $tag$ x
-- refused: function
select json_populate_record(null::orders,'{}')
-- refused: type
select null::orders
-- refused: type
select row(1)::orders
-- refused: type
select o::retail.orders from orders o
-- refused: function
select setseed(0.5)
-- refused: function
select nextval('x')
-- refused: function
select has_table_privilege('x','y')
-- refused: function
select to_regclass('x')
-- refused: function
select pg_input_is_valid('x','regclass')
-- refused: relation
select 1 from zava.keys k
-- refused: function
select zava.f(1)
-- refused: function
select api."set config"()
-- refused: function
select api.x.y()
-- refused: function
select pg_catalog.pg_sleep(1)
-- refused: function
select pg_catalog.set_config('a','b',true)
-- refused: function
select "pg_catalog"."pg_sleep"(1)
-- refused: function
select public.pg_sleep(1)
-- refused: function
select Pg_SlEeP(1)
-- refused: function
select pg_sleep/**/(1)
-- refused: function
select pg_sleep
(1)

-- family: system columns
-- refused: column
select ctid from orders
-- refused: column
select o.xmin from orders o
-- refused: column
select max(o.tableoid) from orders o
-- refused: column
select "ctid" from orders
-- refused: column
select (o).xmax from orders o
-- refused: function
select v.pg_sleep.* from (values (1)) v
-- refused: column
select v.xmin.* from (values (1)) v
-- refused: column
select xmin.* from (values (1)) xmin
-- refused: column
select cmin from orders
-- refused: column
select o.cmax::text from orders o
-- refused: relation
select 1 from only (pg_catalog.pg_roles)
-- refused: function
select overlaps(now(), now(), now(), pg_sleep(1))
-- refused: operator
select a <<->>>= b from t
-- refused: column
select 1 from orders order by ctid

-- family: other dialects
-- refused: function
select strftime('%Y', order_date) from orders
-- refused: function
select year(order_date) from orders
-- refused: function
select datediff(now(), order_date) from orders
-- refused: function
select group_concat(name) from stores
-- refused: function
select ifnull(1, 2)
-- refused: syntax
select top 5 name from stores
-- refused: syntax
select name from stores limit 10, 10
-- refused: operator
select `name` from stores
-- refused: syntax
select name from stores where name regexp 'a'
-- refused: syntax
select a.* from a qualify row_number() over () = 1
-- refused: syntax
select * from stores pivot (sum(x) for y in (1))
-- refused: function
select isnull(1, 2)
-- refused: function
select len(name) from stores
-- refused: function
select getdate()
-- refused: type
select cast(1 as string)
-- refused: type
select 1::double
-- refused: syntax
select name from [stores]
-- refused: syntax
select {fn now()}
-- refused: syntax
select 10 div 3
-- refused: function
select convert(int, '1')
-- refused: syntax
select interval 1 day
-- refused: function
select dateadd(day, 1, now())
-- refused: function
select first(name) from stores
-- refused: syntax
select * from stores where name = ""
-- refused: syntax
select 1 from dual connect by level < 5
-- refused: function
select nvl(1, 2) from stores
-- refused: function
select date_format(now(), '%Y')

-- family: bounds and names that only look right
-- refused: relation
with pg_roles as (select 1) select 1
-- refused: relation
with recursive "Pg_Stats" as (select 1) select * from "Pg_Stats"
-- refused: relation
with zava as (select 1 as x) select * from zava
-- refused: unbounded
select repeat('x', 1000000000 | n % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n * 3 % 5 * 1000000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n % 5 * 1000000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n % m) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n % 5 % m) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n % 20000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n / 7 % m) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 1000000000 # n % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 2 ^ 30 % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n << n % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n || n % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', mod(n, m)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', mod(n, 5) * n) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', ntile(n) over (order by n)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', ntile(5) over (order by n) * n) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', ntile(5) over w * n) from generate_series(1, 9) as n window w as ()
-- refused: unbounded
select repeat('x', width_bucket(n, 0, 100, n)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', width_bucket(n, array[1])) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when n > 3 then n else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when n > 3 then 3 else n end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when n > 3 then 3 else 1 end * n) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when n > 3 then 3 else 1 end * 1000000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n * case when n > 3 then 3 else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 1000000000 - case when n > 3 then 3 else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when n > 3 then 3 else 1 end + n) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then 3 else case when b then n else 1 end end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case case when a then 1 else 2 end when 1 then n else 2 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then 1 else 2 end || '00000') from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 5 - case when a then least(n, 5) else 2 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then 1 else 2 end::int << 29) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 1 << case when a then 30 else 2 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when t.end > 1 then n else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then t.then else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then 5 - -n else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then (select n) else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', case when a then 20000 else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('long longer long', case when a then count(*) else 1 end) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', "mod"(n, 5)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', n is distinct from 1 % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', a.b.n % 5) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', greatest(1, n)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', least(1, 2) + greatest(n, 3)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', (1) * n) from generate_series(1, 9) as n
-- refused: unbounded
select lpad('x', least(n, m)) from generate_series(1, 9) as n, generate_series(1, 9) as m
-- refused: unbounded
select repeat('x', -least(-1000000000, n)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 5 - (least(n, 5))) from generate_series(1, 9) as n
-- refused: unbounded
select length(repeat(repeat('x', 10000), 10000))
-- refused: unbounded
select length(repeat("rpad"('x', 10000), 10000))
-- refused: unbounded
select length(repeat(U&"lp\0061d"('x', 10000), 10000))
-- refused: unbounded
select repeat('-' || lpad('', 10000), 10000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', (count(*) * 1000000)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', (count(*) / 0.0001)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', (count(*) / min(n))::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('12345678901', count(*)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('longer than that', count(*)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat(min(n)::text, count(*)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', length('[(0,0),(1e9,0)]'::lseg)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', cast(length('[(0,0),(1e9,0)]'::path) as int)) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 5 || '00000') from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', round(9999, -5)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', (select count(*) * 1000000 from generate_series(1, 9))::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 5 + 20000) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 1 - -n) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', "count"(n)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', sum(n)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', cast(9 as money)::int) from generate_series(1, 9) as n
-- refused: unbounded
select repeat('x', 2::int << 29) from generate_series(1, 9) as n
-- refused: syntax
select 1::float(
-- refused: syntax
select json_value('1', '$' error on nothing)
-- refused: syntax
select interval '1' day of hour
-- refused: syntax
select array(1)
-- refused: syntax
select * from only (orders, stores)
-- refused: syntax
select 1 as 5
-- refused: syntax
select normalize('a', 'nfc')
-- refused: syntax
select * from stores s (a int)
-- refused: syntax
select interval '1' day to week
-- refused: syntax
select * from json_table('1', '$' as 1 columns (a int)) t
-- refused: syntax
select 1 order by 1 nulls
-- refused: syntax
select 1 order by 1 using a
-- refused: syntax
select 1 fetch first 1 rows
-- refused: syntax
select 1 fetch first 1 rows with
-- refused: syntax
select 1 fetch 1 rows only
-- refused: unbounded
select format('%1001s', 'x')
-- refused: unbounded
select format('%' || '1000000s', 'x')
-- refused: operator
select |/+' ', ||/+1.
-- refused: type
select 'x'::zava.text
-- refused: type
select '[1]'::retail.vector
-- refused: type
select 'x'::char(65536)
-- refused: function
select format() within group (order by a) from t
-- refused: function
select repeat('x') within group (order by a) from t
-- family: sql/json
-- refused: function
select * from json_table(pg_sleep(1)::text, '$' columns (a int)) t
-- refused: function
select * from json_table('1', '$' passing pg_sleep(1) as x columns (a int)) t
-- refused: function
select * from json_table('1', '$' columns (a int path '$' default lo_create(0) on empty)) t
-- refused: function
select * from orders o, json_table('1', '$' columns (nested path '$' as n columns (a int default set_config('a', 'b', true)::int on error))) t
-- refused: type
select * from json_table('1', '$' columns (nested path '$' columns (nested path '$' columns (a regclass)))) t
-- refused: type
select * from json_table('1', '$' columns (a zava.secret exists path '$')) t
-- refused: relation
select * from json_table((select prosrc from pg_proc limit 1), '$' columns (a int)) t
-- refused: function
select json_value('1', '$' returning int default pg_backend_pid() on error)
-- refused: type
select json_query('1', '$' returning regclass with wrapper keep quotes on scalar string)
-- refused: relation
select json_array(select rolname from pg_roles returning text)
-- refused: function
select json_objectagg('a' value pg_sleep(1) absent on null)
-- refused: relation
select 1 from a join (b join (c join pg_roles on true) on true) on true
-- refused: function
select lower(concat('a', - - (1 + pg_sleep(1))::int, variadic array['x']))
-- family: comments within comments
-- refused: too_deep
select 1 /*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/**/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/
-- family: words that are functions inside ROLLUP and CUBE
-- refused: function
select count(*) from orders group by rollup (status, cube (status, payment_method), store_id)
-- refused: function
select count(*) from orders group by cube (rollup (status)), status
-- refused: syntax
select count(*) from orders group by rollup (status, ())

-- family: attributes that are casts: to PostgreSQL, x.regrole is x::regrole where there is no such column
-- refused: function
select x.regrole::text from generate_series(10, 30000) x
-- refused: function
select (x).regnamespace from unnest(array['zava']) x
-- refused: function
select ('pg_sleep(float8)').regprocedure
-- refused: function
select count(*) from unnest(array['{postgres}']) x group by x."_regrole"
-- refused: function
select x.regproc from unnest(array['pg_sleep']) x
-- refused: function
select (x.y).regtype from (select 'zava.principals' as y) x
-- refused: function
select x.regconfig from unnest(array['a']) x
-- refused: function
select x.regdictionary from unnest(array['a']) x
-- refused: function
select x.regcollation from unnest(array['a']) x
-- refused: function
select x.regoper from unnest(array['a']) x
-- refused: function
select x.regoperator from unnest(array['a']) x
-- refused: function
select x.xid8 from unnest(array['1']) x
-- refused: function
select x.refcursor from unnest(array['1']) x
-- refused: function
select x.aclitem from unnest(array['1']) x
-- refused: function
select x.int2vector from unnest(array['1']) x
-- refused: function
select x.oidvector from unnest(array['1']) x
-- refused: function
select x.txid_snapshot from unnest(array['1']) x
-- refused: function
select x._pg_authid from unnest(array['{}']) x
-- refused: function
select (x.crosstab2).category_1 from unnest(array['select 1, 2, rolname from pg_roles']) x
-- refused: function
select ('host=/tmp').dblink_connect

-- family: a configuration of text search next to which numbers and strings would become some too
-- refused: type
select 'english'::regconfig
-- refused: type
select ('english'::regconfig)::text
-- refused: type
select to_tsvector(3748::regconfig, 'x')
-- refused: type
select to_tsvector(name::regconfig, 'x') from products
-- refused: type
select array['english'::regconfig, 3748]
-- refused: type
select case when true then n else 'english'::regconfig end from generate_series(3748, 3800) n
-- refused: type
select coalesce('english'::regconfig, 3748)
-- refused: type
select to_tsvector('english'::regconfig::int::regconfig, 'x')
-- refused: type
select to_tsvector('english'::regconfig[], 'x')
-- refused: type
select to_tsvector('english'::regclass, 'x')
-- refused: type
select to_tsvector('english' || 'simple'::regconfig, 'x')
-- refused: type
select to_tsvector(cast('english' || '' as regconfig), 'x')
-- refused: type
select to_tsquery('english'::regconfig)
-- refused: type
select to_tsquery('english', 'x'::regconfig)
-- refused: type
select max('english'::regconfig)
-- refused: type
select num_nulls('english'::regconfig, 3748)
-- refused: type
select * from json_to_record('{"a": 1}') as t (a regconfig)

-- family: the result of pg_typeof(), next to which numbers and strings become types of all names
-- refused: function
select array_append(array[pg_typeof(1)], n)::text from generate_series(16384, 30000) n
-- refused: function
select greatest(pg_typeof(1), n)::text from generate_series(83, 88) n
-- refused: function
select case when true then n else pg_typeof(1) end::text from generate_series(71, 75) n
-- refused: function
select x::text from (select pg_typeof(1) union all select n from generate_series(71, 75) n) t(x)
-- refused: function
select pg_typeof(1) union all select n from generate_series(71, 75) n
-- refused: function
select 71 except select "pg_typeof"(1) order by 1
-- refused: function
with recursive t(n, x) as (select 1, pg_typeof(1) union all select n + 1, n from t where n < 90) select x::text from t
-- refused: function
select lag(pg_catalog.pg_typeof(1), 1, n) over () from generate_series(71, 75) n
-- refused: function
values (pg_typeof(1)), (71)
-- refused: function
select array_append(array[x], 71) from pg_typeof(1) x
-- refused: function
select 1 from stores, pg_typeof(1) x, array_append(array[x], 71) y
-- refused: function
select array_position(array[pg_typeof(1)], 'zava.principals')
-- refused: function
select cast(coalesce(pg_typeof(1), 71) as text)
-- refused: function
select cast(pg_typeof(1) as int)
-- refused: function
select pg_typeof(1)::bigint
-- refused: function
select 1 + pg_typeof(1)::int::text::int
-- refused: function
select pg_typeof(1) || array[71, 72]
-- refused: function
select array[71] || pg_typeof(1)
-- refused: function
select array_append(array[x.pg_typeof], 71) from generate_series(1, 2) x
-- refused: function
select greatest((x).pg_typeof, 71)::text from generate_series(1, 2) x

-- family: widths behind more than one minus sign
-- refused: unbounded
select format('%--500000000s', 'x')
-- refused: unbounded
select format('%1$---99999s', 'x')
-- refused: unbounded
select format('%--*s', 500000000, 'x')

-- family: marks and digits of other scripts begin no name, and are no letters of ours
-- refused: bad_character
select ２ from orders
-- refused: bad_character
select <U+0301>a from orders
-- refused: bad_character
select a<U+FE0E><U+20DD> from orders
-- refused: bad_character
select a<U+200D>b from orders

-- family: names and strings that are written in other ways
-- refused: function
select U&"pg\005Fsleep"(1)
-- refused: function
select u&"pg!+00005Fsleep"
 uescape '!' (1)
-- refused: function
select x.U&"pg\005Fsleep" from generate_series(1, 3) x
-- refused: relation
select * from U&"pg\005Froles"
-- refused: relation
with U&"PG\005Froles" as (select 1) select 1
-- refused: column
select U&"ct\0069d" from orders
-- refused: type
select 'pg_authid'::U&"regclas\0073"
-- refused: function
select U&'\0027', pg_sleep(1), U&'\0027'
-- refused: function
select U&'\' uescape '!', pg_sleep(1), U&'\' uescape '!'
-- refused: unsupported
select U&'a' uescape 'a'
-- refused: unsupported
select U&'a' uescape '+'
-- refused: unsupported
select U&'a' uescape '!!'
-- refused: unsupported
select U&'a' uescape '!'''
-- refused: unsupported
select 1 as U&"a" uescape '!'
  'b'
-- refused: unsupported
select U&'a' uescape
-- refused: unsupported
select U&'a' /* b */ uescape '!'
-- refused: unsupported
select U&"a" uescape from (select 1 as a) t
-- refused: syntax
select U&""
-- refused: bad_character
select U&'\0000'
-- refused: bad_character
select U&'\006'
-- refused: bad_character
select U&'\D83D'
-- refused: bad_character
select U&"\DE00\D83D" from (select 1) t
-- refused: bad_character
select U&'\+110000'
-- refused: bad_character
select E'\uD83D'
-- refused: function
select N'a', pg_sleep(1), N'b'
-- refused: type
select N'pg_authid'::regclass
-- refused: type
select 'a'::nchar(65536)
-- refused: syntax
select nchar(1)
-- refused: function
select 'a'
'b', pg_sleep(1), 'c'
'd'
-- refused: type
select 'pg_'
  'authid'::regclass
-- refused: unbounded
select format('%1000'
  '000s', 'x')
-- refused: unsupported
select 'a' -- b
  'c'
-- refused: unsupported
select 'a' /* /* */ */
  'c'
-- refused: unsupported
select E'\1'
  '2'
-- refused: bad_character
select U&'\00'
  '61'
-- refused: unsupported
select U&'a'
  'b'
-- refused: unsupported
select $$a$$
  'b'
-- refused: unsupported
select 'a'
  E'b'
-- refused: unsupported
select 'a'
  'b' 'c'
-- refused: function
select pg_sleep$(1)
-- refused: function
select a$b$, pg_sleep(1), a$b$ from (select 1 as a$b$) t
-- refused: function
select x.pg_a_name_of_more_than_sixty_three_bytes_of_which_postgresql_drops_the_rest from generate_series(1, 3) x
-- refused: relation
select * from stores *, pg_roles * r
-- refused: relation
table pg_catalog.pg_roles *
-- refused: function
select * from current_date, pg_sleep(1)
-- refused: function
select * from rows from (current_date, pg_sleep(1)) x
-- refused: function
select * from cast(pg_sleep(1) as text) x
-- refused: type
select * from cast('pg_authid' as regclass) x
-- refused: syntax
select * from current_user
-- refused: function
select 1 fetch first + pg_sleep(1) rows only
-- refused: relation
select json_array(table pg_roles returning text)
-- refused: function
select values, pg_sleep(1) from (select 1 as values) t
-- refused: function
select between between pg_sleep(1) and 2 from (select 1 as between) t
-- refused: function
select national.pg_sleep, setof.pg_sleep, nchar.pg_sleep from generate_series(1, 3) national
-- refused: syntax
select setof text 'x'

-- family: types in quotes, of two words, of one byte, and a query of WITH that is called recursive
-- refused: type
select * from json_to_recordset('[]') as r(a "regclass")
-- refused: type
select * from json_to_recordset('[]') as r(a "text", b "regrole")
-- refused: type
select * from json_to_record('{}') as (a "oid")
-- refused: type
select * from json_to_record('{}') as r(a zava."text")
-- refused: type
select * from json_to_record('{}') as r(a "pg_catalog".regtype)
-- refused: type
select * from json_table('[]', '$' columns (a "text" path '$', "text" "regproc" path '$'))
-- refused: type
select "regclass" 'pg_authid'
-- refused: type
select * from json_to_record('{}') as r(a "TEXT")
-- refused: type
select * from json_to_record('{}') as r(a "character")
-- refused: type
select 'a'::"national character"
-- refused: type
select 'a'::national text
-- refused: type
select 'a'::national regclass
-- refused: type
select 'a'::national "char"
-- refused: type
select 'a'::national character(65536)
-- refused: syntax
select national "text" 'a' from stores
-- refused: syntax
select national character varying from stores
-- refused: function
select national character varying(3) 'a', pg_sleep(1)
-- refused: function
select "char"(65)
-- refused: function
select "text"(pg_sleep(1))
-- refused: type
select 'a'::public."char"
-- refused: function
select * from json_to_record('{}') as r(a "text"), pg_sleep(1)
-- refused: syntax
select (a "text", pg_sleep(1)) from stores
-- refused: function
select * from lower('a') as r(a, "text"), lateral (select pg_sleep(1)) "text"
-- refused: relation
with recursive as (select 1) select * from recursive, pg_roles
-- refused: relation
with recursive (a) as (select rolname from pg_roles) select * from recursive
-- refused: relation
with recursive pg_roles as (select 1) table pg_roles
-- refused: function
with recursive as (select 1) select recursive(1)
-- refused: function
with recursive recursive as (select pg_sleep(1)) table recursive
-- refused: syntax
with recursive materialized (select 1) select 1
-- refused: unsupported
with recursive recursive as (select x * x as x from a1), a1 as (select 1 as x) select x from recursive
-- refused: unsupported
select * from orders tablesample system (10)
-- refused: unsupported
select * from products as p tablesample bernoulli (1.5) repeatable (7)
-- refused: unsupported
select * from orders tablesample bernoulli ((select count(*) from pg_roles))

-- family: the database before a schema opens no other schema
-- refused: relation
select * from zava.zava.principals
-- refused: relation
select * from zava.pg_catalog.pg_roles
-- refused: relation
select * from "zava"."information_schema"."tables"
-- refused: relation
select * from public.pg_stat_statements
-- refused: relation
select * from zava.public.search_regions
-- refused: relation
select * from public.zava.principals
-- refused: relation
select * from public.public.zava.principals
-- refused: relation
select * from "Public".orders
-- refused: relation
select * from retail.zava.principals
-- refused: relation
select * from api.pg_catalog.pg_roles
-- refused: relation
select * from zava.retail.pg_roles
-- refused: relation
select * from zava.retail.pg_catalog.pg_roles
-- refused: relation
select * from a.zava.retail.orders
-- refused: relation
select * from zava."Retail".orders
-- refused: relation
table zava.only.pg_authid
-- refused: function
select * from zava.api.whoami()
-- refused: function
select * from zava.pg_catalog.pg_sleep(1)
-- refused: function
select * from zava.retail.orders o, zava.retail.pg_sleep(1)

-- family: what is called, or multiplied, by a word that is a keyword elsewhere
-- refused: function
select overlay('a', pg_sleep(1)::text, 1)
-- refused: function
select overlay('a', 'b', 1, set_config('a', 'b', true)::int)
-- refused: function
select overlay(overlay('a' placing pg_sleep(1)::text from 1), 'b', 1)
-- refused: relation
select overlay('a', (select rolname from pg_roles limit 1), 1)
-- refused: syntax
select overlay('a' placing 'b' from 1, pg_sleep(1))
-- refused: function
select "overlay"('a', 'b', 1)
-- refused: function
select zone * pg_sleep(1) from t
-- refused: function
select by * set_config('a', 'b', true), passing * 2 from t
-- refused: relation
select t.zone * (select count(*) from pg_authid) from t
-- refused: relation
select 1 from t where rollup in (select rolname from pg_roles)
-- refused: function
select cube = (select pg_sleep(1)) from t
-- refused: relation
with values (a) as (select rolname from pg_roles) select * from values
-- refused: function
with recursive values (a) as (values (pg_sleep(1))) select * from values
-- refused: relation
with values as (select 1) select * from pg_catalog.values

-- family: what public lists of attacks on PostgreSQL have, and nothing above
-- refused: relation
select * from pg_shadow
-- refused: relation
select * from pg_group
-- refused: relation
select usename, usecreatedb, usesuper, usecatupd from pg_user
-- refused: relation
select relname, a.attname from pg_class c, pg_namespace n, pg_attribute a, pg_type t where c.relkind = 'r' and n.oid = c.relnamespace and a.attrelid = c.oid and a.atttypid = t.oid and a.attnum > 0 and n.nspname not like 'pg_%'
-- refused: relation
select datname from pg_database
-- refused: function
select inet_server_addr(), inet_server_port()
-- refused: function
select pg_postmaster_start_time()
-- refused: function
select pg_read_file('PG_VERSION', 0, 200)
-- refused: function
select pg_read_binary_file('/etc/passwd')
-- refused: function
select pg_stat_file('PG_VERSION')
-- refused: function
select lo_import('/etc/passwd', 13337)
-- refused: function
select lo_get(13337)
-- refused: function
select schema_to_xml('retail', true, true, '')
-- refused: function
select dblink_connect_u('host=127.0.0.1')
-- refused: function
select dblink_exec('dbname=postgres', 'reset application_name')
-- refused: relation
select * from pg_extension
-- refused: relation
select lanname, lanacl from pg_language
-- refused: relation
select * from pg_hba_file_rules
-- refused: relation
select * from pg_file_settings
-- refused: relation
select * from pg_stat_ssl
-- refused: function
select pg_reload_conf()
-- refused: function
select pg_rotate_logfile()
-- refused: function
select pg_switch_wal()
-- refused: function
select pg_create_restore_point('x')
-- refused: function
select pg_relation_filepath('retail.customers')
-- refused: relation
select * from pg_stat_activity
-- refused: relation
select * from pg_statistic
-- refused: relation
select * from pg_stats_ext
-- refused: relation
select * from pg_stats_ext_exprs
-- refused: relation
select * from pg_statistic_ext_data
-- refused: function
select pg_get_statisticsobjdef_expressions(1)
-- refused: function
select pg_mcv_list_items(stxdmcv) from pg_statistic_ext_data
-- refused: function
select pg_restore_relation_stats('schemaname', 'retail', 'relname', 'customers', 'reltuples', 1::real)
-- refused: function
select pg_get_viewdef('api.sale_lines')
-- refused: function
select pg_get_indexdef(1)
-- refused: function
select pg_get_constraintdef(1)
-- refused: function
select pg_get_expr(polqual, polrelid) from pg_policy
-- refused: relation
select * from pg_policies
-- refused: relation
select * from pg_seclabels
-- refused: function
select pg_has_role('zava_head_office', 'member')
-- refused: function
select makeaclitem(10, 10, 'SELECT', false)
-- refused: function
select aclexplode(relacl) from pg_class
-- refused: function
select satisfies_hash_partition('retail.product_embeddings'::regclass, 2, 0, 1)
-- refused: function
select pg_current_snapshot()
-- refused: function
select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
-- refused: function
select pgp_sym_encrypt('x', 'y')
-- refused: function
select crypt('x', gen_salt('bf', 31))
-- refused: function
select connectby('customers', 'a', 'b', 'c', 0)
-- refused: function
select postgres_fdw_get_connections()
-- refused: function
select pg_stat_statements_reset()
-- refused: relation
select * from pg_stat_statements
-- refused: function
select amcheck('x')
-- refused: function
select bt_index_check('retail.customers_pkey')
-- refused: function
select get_raw_page('retail.customers', 0)
-- refused: function
select pg_buffercache_evict(1)
-- refused: function
select pg_prewarm('retail.customers')
-- refused: function
select pg_visibility('retail.customers')
-- refused: function
select pg_get_wal_records_info('0/0', '0/1')
-- refused: function
select pg_logical_slot_peek_changes('x', null, null)
-- refused: function
select pg_ls_logdir()
-- refused: function
select pg_ls_waldir()
-- refused: function
select pg_ls_tmpdir()
-- refused: function
select pg_current_logfile()
-- refused: function
select pg_tablespace_location(1663)
-- refused: function
select pg_config()
-- refused: function
select pg_show_all_settings()
-- refused: function
select pg_settings_get_flags('x')
-- refused: function
select pg_log_backend_memory_contexts(1)
-- refused: function
select binary_upgrade_set_next_pg_type_oid(1)
-- refused: function
select binary_upgrade_logical_slot_has_caught_up('x')
-- refused: relation
select uuid_extract_timestamp(principal_id) from zava.principals
-- refused: function
select pg_get_object_address('table', '{zava,principals}', '{}')
-- refused: function
select has_any_column_privilege('zava.principals', 'select')
-- refused: function
select pg_blocking_pids(1)
-- refused: function
select pg_safe_snapshot_blocking_pids(1)
-- refused: function
select pg_control_system()
-- refused: function
select jsonb_populate_recordset(null::zava.principals, '[]')
-- refused: relation
select email from customers where email = 'x' and 7139 = cast('q' || (select usename from pg_user limit 1)::text || 'q' as numeric)
-- refused: function
select email from customers where email = 'x' or 7139 = (case when ascii(substring((select email from customers limit 1)::text from 1 for 1)) > 64 then (select 7139 from pg_sleep(1)) else 7139 end)
-- refused: function
select email from customers order by (select (case when 1 = 1 then 1 else (select length(dblink_exec('dbname=' || current_database(), convert_from(decode('73656c6563742031', 'hex'), 'UTF8')))) end))
-- refused: function
select ((ascii(substring((select version())::text from (1 + floor((7 - 1) / 8))::int for 1)) >> ((7 - 1) % 8)) & 1) = 1 from customers
-- refused: relation
select email from customers union all select n.nspname || '.' || p.proname || ': ' || p.prosrc from pg_proc p join pg_namespace n on p.pronamespace = n.oid
-- refused: function
select 1 from customers where '1' = (query_to_xml(convert_from('\x73656c6563742031', 'UTF8'), true, true, ''))::text
-- refused: function
select product_id from search_assortments order by api._region_distance(embedding, '[1]'::halfvec, 1) limit 20
-- refused: function
select product_id from search_assortments order by zava._region_vector(embedding)::halfvec(8) <#> '[1]'::halfvec(8) limit 20
-- refused: unbounded
select length(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json(to_json('"'::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)
-- refused: unbounded
select length(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row(row('a "')::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)::text)
-- refused: unbounded
select length(format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', format('%L', '''')))))))))))))))))))))
-- refused: unbounded
select length(x) from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select t::text as x from (select 'a "' as x) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t offset 0) t
-- refused: unbounded
select length(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array(string_to_array('"""', null)::text, null)::text, null)::text, null)::text, null)::text, null)::text, null)::text, null)::text, null)::text, null)::text)
-- refused: unbounded
select length(array_to_string(string_to_array(repeat('a,', 9999), ','), repeat('b', 9999)))
-- refused: unbounded
select length(concat_ws(repeat('b', 9999), variadic string_to_array(repeat('a,', 9999), ',')))
-- refused: unbounded
select length(x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x) from (select x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x || x as x from (select repeat('a', 9999) as x offset 0) s offset 0) t

-- family: NULLs, which least() and greatest() leave out, and floors that are none
-- refused: unbounded
select length(repeat('x', least(length(s), n))) from (values (null::text, 500000000)) v(s, n)
-- refused: unbounded
select length(repeat('x', least(ntile(5) over (order by n), n))) from (values (null::text, 500000000)) v(s, n)
-- refused: unbounded
select length(repeat('x', least(s::int % 5, n))) from (values (null::text, 500000000)) v(s, n)
-- refused: unbounded
select length(repeat('x', least(case when n < 0 then 5 end, n))) from (values (null::text, 500000000)) v(s, n)
-- refused: unbounded
select length(repeat('x', least(h.n, v.n)::int)) from (select 500000000 as n) v left join (select count(*) as n from orders) h on false
-- refused: unbounded
select length(repeat('x', 5 - coalesce(least(-n, 3), 0))) from (values (5000000)) v(n)
-- refused: unbounded
select length(repeat('x', least(width_bucket(s::int, 0, 5, 5), n))) from (values (null::text, 500000000)) v(s, n)
-- refused: unbounded
select repeat('x', 5 - least(5, -n)) from (values (5000000)) v(n)
-- refused: unbounded
select repeat('x', 5 - least(5, greatest(length(s), n))) from (values (null::text, -5000000)) v(s, n)
-- refused: unbounded
select repeat('x', 5 - greatest(least(n, 3), length(s))) from (values (null::text, -5000000)) v(s, n)
-- refused: unbounded
select repeat('x', 5 - coalesce(n, 3)) from (values (-5000000)) v(n)
-- refused: unbounded
select repeat('x', 5 - round(greatest(0, n), -3)::int) from (values (-5000000)) v(n)
-- family: columns and shares that look like those of counts, and are not
-- refused: unbounded
with h as (select sum(x) as n from (values (1e9)) v(x)) select repeat('x', n::int) from h
-- refused: unbounded
with h as (select count(*) * 1000000 as n from orders) select repeat('x', n::int) from h
-- refused: unbounded
with h as (select count(*) + 1000000000 as n from orders) select repeat('x', n::int) from h
-- refused: unbounded
with h as (select count(*) as n from orders union all select 1000000000) select repeat('x', n::int) from h
-- refused: unbounded
with h as (select 1000000000 union all select count(*) as n from orders) select repeat('x', n::int) from h
-- refused: unbounded
with h(n, m) as (select 1000000000, count(*) as n from orders) select repeat('x', n::int) from h
-- refused: unbounded
with h(m, n) as (select 1000000000 as n, count(*) as q from orders) select repeat('x', m::int) from h
-- refused: unbounded
with h as (select count(*) as n from orders), g as (with h as (select 1000000000 as n) select repeat('x', n) from h) select * from g
-- refused: unbounded
with g as (select repeat('x', n) from h), h as (select count(*) as n from orders) select * from g
-- refused: unbounded
with h as (select (select repeat('x', n) from h limit 1), count(*) as n from orders) select * from h
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', n::int) from h, (select 1000000000 as n) u
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', u.n::int) from h, (select 1000000000 as n) u
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', h.n::int) from (select 1000000000 as n) h
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', h.n::int) from retail.h
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', n::int) from h as t (m, n)
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', n::int) from h natural join (select 1000000000 as n) u
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', n::int) from h right join (select 1000000000 as n) u using (n)
-- refused: unbounded
with h as (select count(*) as n from orders) select repeat('x', h.n::int) from u as h
-- refused: unbounded
select repeat('x', n::int) from (select count(*) as n from orders) t (m), (select 1000000000 as n) u
-- refused: unbounded
select repeat('x', n::int) from (select count(*) as n, 1000000000 as m from orders) t (m, n)
-- refused: unbounded
select repeat('x', n::int) from (select count(*) as n from orders union select 1000000000) t
-- refused: unbounded
select repeat('x', n::int) from (values (1000000000)) t (n)
-- refused: unbounded
select repeat('x', n::int) from (select 1000000000 as n) t
-- refused: unbounded
select repeat('x', n::int) from (table t) n
-- refused: unbounded
select repeat('x', n) from (select count(*) as m, 1000000000 n from orders) t
-- refused: unbounded
select repeat('x', n) from (select count(*) || '00000' as n from orders) t
-- refused: unbounded
select repeat('x', n) from (select count(*) over w * 1000000 as n from orders window w as ()) t
-- refused: unbounded
select repeat('x', n) from (select count(*)::money as n from orders) t
-- refused: unbounded
select repeat('x', n) from (select count(*) "n", 1000000000 as "n " from orders) t
-- refused: unbounded
select repeat('x', n) from (select distinct on (count(*)) 1000000000 as n from orders) t
-- refused: unbounded
select repeat('x', n) from (select "count"(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(n) over () * 30)::int) from (values (-1e9), (-1e-3)) v (n)
-- refused: unbounded
select repeat('x', (n / max(n) over () * 30)::int) from (select sum(x) as n from (values (-1e9), (-1e-3)) v (x) group by x) t
-- refused: unbounded
select repeat('x', (n / max(n) over (order by n rows between 1 preceding and 1 preceding) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(n) over (partition by n order by n) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(n) over w * 30)::int) from (select count(*) as n from orders) t window w as (order by n)
-- refused: unbounded
select repeat('x', (n / max(n) over (w) * 30)::int) from (select count(*) as n from orders) t window w as (order by n rows 1 preceding exclude current row)
-- refused: unbounded
select repeat('x', (n / max(n) filter (where n < 5) over () * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(n) over (partition by 1) ^ 0.01 * 9000)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select (values (1000000000) order by repeat('x', column1)) from (select count(*) as column1 from orders) t
-- refused: unbounded
select ((values (1000000000)) order by repeat('x', column1)) from (select count(*) as column1 from orders) t
-- refused: unbounded
select ((table t) order by repeat('x', n)) from (select count(*) as n from orders) t
-- refused: unbounded
select (array[(select 1), (1)])[length(repeat('x', n))] from (select count(*) as n from orders) t, (select 1000000000 as n) u
-- refused: unbounded
select (((select 'a') union all select repeat('x', n) from u)) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / min(n) over () * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / avg(n) over () * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(m) over () * 30)::int) from (select count(*) as n, 1e-9 as m from orders) t
-- refused: unbounded
select repeat('x', (n * 1000 / max(n) over () * 1000)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', ((n * 1000 / max(n) over ()) * 1000)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n * 1.9 * 1.9 * 1.9 / max(n) over () * 10000)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n * n / max(n) over ())::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / max(n) over () / 0.00001)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n * 100000 / max(n) over ())::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (50 * max(n) over () / n)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (count(*) filter (where true) * 50 / max(count(*) filter (where false)) over ())::int) from orders t
-- refused: unbounded
select repeat('x', (count(case when random() < 0.5 then 1 end) * 50 / max(count(case when random() < 0.5 then 1 end)) over ())::int) from orders t
-- refused: unbounded
select repeat('x', (count("A") * 50 / max(count("B")) over ())::int) from orders t
-- refused: unbounded
select repeat('x', (count(a[1]) * 50 / max(count(a[2])) over ())::int) from orders t
-- refused: unbounded
select repeat('x', (n ^ 9 / max(n) over ())::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / nullif(1e-9, max(n) over ()) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / greatest(1e-9, max(n) over ()) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / least(max(n) over (), 1e-9) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / (max(n) over () - n + 0.000001) * 30)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', (n / -max(n) over () * -300000)::int) from (select count(*) as n from orders) t
-- refused: unbounded
select (select repeat('x', n::int) from (select 1 as z) y) from (select count(*) as n from orders) t, (select 1000000000 as m) q
-- refused: unbounded
select repeat('x', n::int) from lateral (select count(*) as n from orders) t, (select 1e9 as n) u
-- refused: unbounded
select repeat('x', n::int) from t, (select count(*) as n from orders)
-- refused: unbounded
select repeat('x', t.n::int) from (select count(*) as n from orders) as "t", (select 1000000000 as n) as t
-- refused: unbounded
select repeat('x', n) from (select count(*) as n from orders) t, generate_series(1000000000, 1000000000) as n
-- refused: unbounded
select repeat('x', n::int) is distinct from t, 1 from (select count(*) as n from orders) t
-- refused: unbounded
select 1 from (select count(*) as n from orders) t order by repeat('x', n::int)
-- refused: unbounded
with h as (select count(*) as n from orders) table h union select repeat('x', n) from u
-- refused: unbounded
select repeat('x', n::int) from (select count(*) over (partition by a) as n, b from c group by n) t (n, b)
-- refused: unbounded
select repeat('x', u.n) from (select count(*) as n from orders) t, lateral (select 1000000000 as n) u
-- refused: unbounded
select repeat('0123456789a', n::int) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat('x', n::int * 5) from (select count(*) as n from orders) t
-- refused: unbounded
select repeat(name, n::int) from (select count(*) as n from orders) t, stores
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select status, repeat('#', (n * 40 / (select max(n) from h where n < 5))::int) from h
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select status, repeat('#', (n * 40 / (select max(n) from orders))::int) from h
-- refused: unbounded
with h as not materialized (select status, count(*) as n from orders group by 1) select status, repeat('#', (n * 40 / (select max(n) from h))::int) from h
-- refused: unbounded
with h as (select status, sum(total_amount) as n from orders group by 1) select status, repeat('#', (n * 40 / (select max(n) from h))::int) from h
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1), g as (select -1 as n) select status, repeat('#', (n * 40 / (select max(n) from g))::int) from h
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select status, repeat('#', (n * 40 / (select max(m) from h))::int) from h
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select status, repeat('#', (n * 40 / (select min(n) from h))::int) from h
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select status, repeat('#', (count(*) * 40 / (select max(n) from h))::int) from h group by 1
-- refused: unbounded
select t.s, repeat('#', (t.n * 40 / (select max(n) from t))::int) from (select status s, count(*) as n from orders group by 1) t
-- refused: unbounded
with h as (select status, count(*) as n from orders group by 1) select repeat('#', (n * 40 / (select max(n) from h limit 1))::int) from h
-- refused: unbounded
select repeat('#', (5 / (select max(n) from h))::int) from h
-- family: columns that look like the rounds of WITH RECURSIVE, and are not
-- refused: unbounded
with recursive t(n) as (select 1000000000 union all select n + 1 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 2 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + n from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n * 2 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 * 9 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n, 1000000000 as m union all select m, n + 1 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n, a.* from a union all select a.*, n + 1 from t, a) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select a.*, 1 as n from a union all select n + 1, a.* from t, a) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select a.*, 1 as n, 2 as m from a union all select a.*, n + 1, b.* from t, a, b) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t, (select 1000000000 as n) u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', u.n) from t, (select 1000000000 as n) u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', u.n) from t, u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from (select 1000000000 as n) t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t, u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t join u on true
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t as u (m, n)
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t u (n)
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from t (n)
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) from retail.t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (select 'a' from (select 1000000000 as n) y order by repeat('x', n) limit 1) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (select repeat('x', n) union all select 'a' from t) from (select 1000000000 as n) u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (select repeat('x', n) where true) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (select repeat('x', n) from (select 1000000000 as n) y) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (with t as (select 1000000000 as n) select repeat('x', n) from t)
-- refused: unbounded
with recursive t as (select 1 as n union all select u.n is distinct from t, n + 1 from (select 1000000000 as n) u) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n, true as b union all select n + 1, n is distinct from t from (select 1000000000 as n) u) select repeat('x', n) from t
-- refused: unbounded
with recursive t(m, n) as (select 1 as n, 1000000000 union all select n + 1, m from t) select repeat('x', m) from t
-- refused: unbounded
with recursive t(m, n) as (select 1 as n, 1000000000 union all select n + 1, m from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from (select 1000000000 as n) b left join t using (n)) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from (select 1000000000 as n) b natural left join t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from (select 1000000000 as n) b) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select b.n + 1 from t, (select 1000000000 as n) b) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select t.n + 1 from (select 1000000000 as n) t where exists (select from t)) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t union all select 1000000000) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all (select n + 1 from t)) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n except select n + 1 from t) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n), u as (select 1000000000 as n from t) select repeat('x', n) from u
-- refused: unbounded
with t as (select 1 as n union all select n + 1 from t) select repeat('x', n) from t
-- refused: unbounded
select * from (with recursive t as (select 1 as n union all select n + 1 from t) select repeat('x', n) from t) s
-- refused: unbounded
with recursive t as (select 1 as "n", 1000000000 as m union all select "n" + 1, m from t where "n" < 5) select repeat('x', "m") from t
-- refused: unbounded
with recursive t as (select 1 as "n", 1000000000 as m union all select "n" + 1, m from t where "n" < 5) select repeat('x', t."m") from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n * 5) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n * 4 * 4) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n * n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n + m) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('0123456789abc', n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat(x, n) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', m) from t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select 1 from t where repeat('x', n) > ''
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select 1 from t order by repeat('x', n)
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select n from t union all select repeat('x', n) from u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', n) is distinct from t from u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select 1 is distinct from t, repeat('x', n) from u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select (array[(select 1)])[length(repeat('x', n))] from t, u
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', t.n) from t as "u", (select 1000000000 as n) as t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', t.n) from t "u", (select 1000000000 as n) as t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', t.n) from t as int, (select 1000000000 as n) as t
-- refused: unbounded
with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select repeat('x', t.n) from t * as u, (select 1000000000 as n) as t
-- refused: unbounded
with recursive t as (select 1 as n, 1000000000 as m union all select n + 1, m from t as "u" (m, n)) select repeat('x', n) from t
-- refused: unbounded
with recursive t as (select 1 as n, 1000000000 as m union all select n + 1, m from t * as u (m, n)) select repeat('x', n) from t
-- refused: unbounded
with recursive z as (select 1) select repeat('x', n) from (select 1 as n union all select n + 1 from (select 1000000000 as n) u) t
-- refused: unbounded
with recursive z as (select 1) select repeat('x', t.n) from (select 1 as n union all select u.n + 1 from (select 1000000000 as n) u) t
-- refused: unbounded
with at as (select count(*) as n from t) select repeat('x', local.n) from (values (1000000000)) local(n) join (select now() as join) b on now() <> b.join at local

-- family: calls that make each other's results longer, and what they begin with
-- refused: unbounded
select length(repeat(1e131071::text, 7000))
-- refused: unbounded
select length(repeat(0::bit(65535)::text, 9999))
-- refused: unbounded
select length(array_to_string(string_to_array(repeat('a,', 9999), ',', 'a'), '', repeat('b', 9999)))
-- refused: unbounded
select jsonb_pretty((repeat('[', 4000) || repeat(']', 4000))::jsonb)
-- refused: unbounded
select ts_headline('simple', repeat('a ', 5000), 'a', 'StartSel=' || repeat('x', 9999))
