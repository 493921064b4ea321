-- Who sees what of each tenant table, and that nobody but its fence decides it.
begin;
select plan(365);

-- ---------------------------------------------------------------- arrange

-- Three stores, of which the n-th has n rows in every table but retail.stores.
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'policy_' || n, n::text, 'P', 0.1, '2020-01-01'
from generate_series(1, 3) as n;
insert into retail.categories (category_id, name) values (md5('policy')::uuid, 'policy');
insert into retail.product_types (type_id, category_id, name)
values (md5('policy')::uuid, md5('policy')::uuid, 'policy');
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5('policy' || n)::uuid, 'policy' || n, 'p', 'p', md5('policy')::uuid, md5('policy')::uuid, 1
from generate_series(1, 3) as n;
create temporary table pairs as
select s.store_id, md5('policy' || n)::uuid as id, n
from retail.stores as s
cross join lateral generate_series(1, s.name::integer) as n
where s.store_key like 'policy%';
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select p.store_id, p.id, 'P', 'P', 'p' || p.n || '@example.com', 'P', '2020-01-01' from pairs as p;
insert into retail.inventory (store_id, product_id, price, unit_cost)
select p.store_id, p.id, 1, 1 from pairs as p;
insert into retail.stock_movements (store_id, product_id, moved_on, kind, quantity)
select p.store_id, p.id, '2020-01-01', 'opening', 1 from pairs as p;
insert into retail.orders (store_id, order_id, order_date, total_amount)
select p.store_id, p.id, '2020-01-01', 1 from pairs as p;
insert into retail.order_items (
    store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
    total_amount
)
select p.store_id, p.id, 1, p.id, '2020-01-01', 1, 1, 1, 1 from pairs as p;
insert into retail.daily_sales (
    store_id, sold_on, category_id, lines, orders, units, returned_units, gross_revenue, revenue,
    cost, discount_amount
)
select p.store_id, date '2020-01-01' + p.n, md5('policy')::uuid, 1, 1, 1, 0, 1, 1, 1, 0 from pairs as p;
insert into retail.daily_totals (
    store_id, sold_on, lines, orders, units, returned_units, gross_revenue, revenue, cost,
    discount_amount
)
select p.store_id, date '2020-01-01' + p.n, 1, 1, 1, 0, 1, 1, 1, 0 from pairs as p;
insert into retail.daily_customers (
    store_id, customer_id, sold_on, orders, gross_revenue, revenue, cost
)
select p.store_id, p.id, '2020-01-01', 1, 1, 1, 1 from pairs as p;
insert into retail.search_assortments (store_id, product_id)
select p.store_id, p.id from pairs as p;
insert into retail.search_stores (store_id, products)
select distinct p.store_id, 1 from pairs as p;
insert into retail.search_regions (region_id, store_id, model_id, indexed, ef_search)
select
    case s.name when '2' then s.store_id else api._region_id(array_agg(s.store_id) filter (where s.name <> '2') over w) end,
    s.store_id, 1, true, 80
from retail.stores as s
where s.store_key like 'policy%'
window w as (order by s.store_id rows between unbounded preceding and unbounded following);

select zava.create_principal('policy-' || n, 'store', array['policy_' || n])
from generate_series(1, 3) as n;
select zava.create_principal('policy-deputy', 'store', array['policy_2']);
select zava.create_principal('policy-off', 'store', array['policy_2']);
select zava.disable_principal('policy-off');
select zava.create_principal('policy-region', 'region', array['policy_1', 'policy_3']);
select zava.create_principal('policy-head', 'head');
\ir shared/context.sql

-- The answer to a query of a role under a context, or the SQLSTATE.
create function pg_temp.ask(p_role text, p_context text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_answer text;
begin
    perform set_config('zava.context', p_context, true);
    execute format('set local role %I', p_role);
    execute p_query into v_answer;
    reset role;
    return coalesce(v_answer, 'nothing');
exception
    when others then
        return 'error ' || sqlstate;
end;
$function$;

create temporary table tables as
select
    c.oid::regclass::text as name,
    format(
        'select string_agg(right(t.store_id::text, 1), '''' order by t.store_id) from %s as t',
        c.oid::regclass
    ) as query
from pg_class as c
where c.relnamespace = 'retail'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity;

create temporary table personas as
select p.who, p.role, p.context, p.sees
from (
    values
        ('a store', 'zava_store_policy_1', pg_temp.context('policy-1'), '1'),
        ('another store', 'zava_store_policy_2', pg_temp.context('policy-2'), '22'),
        ('its second principal', 'zava_store_policy_2', pg_temp.context('policy-deputy'), '22'),
        ('a region', 'zava_region_policy_region', pg_temp.context('policy-region'), '1333'),
        ('head office', 'zava_head_office', pg_temp.context('policy-head'), '122333'),
        ('a store without a context', 'zava_store_policy_1', '', 'nothing'),
        ('a region without a context', 'zava_region_policy_region', '', 'nothing'),
        ('head office without a context', 'zava_head_office', '', 'nothing'),
        ('a store with a forged context', 'zava_store_policy_2', left(pg_temp.context('policy-2'), -64) || right(pg_temp.context('policy-1'), 64), 'nothing'),
        ('a region with a forged context', 'zava_region_policy_region', left(pg_temp.context('policy-region'), -64) || right(pg_temp.context('policy-1'), 64), 'nothing'),
        ('head office with a forged context', 'zava_head_office', left(pg_temp.context('policy-head'), -64) || right(pg_temp.context('policy-1'), 64), 'nothing'),
        ('a store with an expired context', 'zava_store_policy_1', pg_temp.context('policy-1', -1), 'error ZA002'),
        ('head office with an expired context', 'zava_head_office', pg_temp.context('policy-head', -1), 'error ZA002'),
        ('a disabled principal', 'zava_store_policy_2', pg_temp.context('policy-off'), 'error ZA003'),
        ('a store in the role of another', 'zava_store_policy_2', pg_temp.context('policy-1'), 'nothing'),
        ('a store in the role of head office', 'zava_head_office', pg_temp.context('policy-1'), 'nothing'),
        ('a class role with a context of its store', 'store_manager', pg_temp.context('policy-1'), 'nothing'),
        ('the gateway itself', 'zava_gateway', pg_temp.context('policy-head'), 'error 42501'),
        ('the service login', 'zava_service', pg_temp.context('policy-head'), 'error 42501'),
        ('the owner', 'zava_owner', pg_temp.context('policy-head'), 'nothing')
) as p (who, role, context, sees);

-- ---------------------------------------------------------------- who sees what

select set_eq(
    $$ select t.name from tables as t $$,
    array[
        'retail.customers', 'retail.daily_customers', 'retail.daily_sales', 'retail.daily_totals',
        'retail.inventory', 'retail.order_items', 'retail.orders', 'retail.stock_movements',
        'retail.search_assortments', 'retail.search_regions', 'retail.search_stores', 'retail.stores'
    ],
    'this file has rows in every table with row-level security'
);

select is(
    pg_temp.ask(p.role, p.context, t.query),
    -- A digit stands for a row of that store; of the stores, and what search counts of them, there
    -- is one row each.
    case
        -- What is of a region is for none of its stores.
        when t.name = 'retail.search_regions' and p.role ~ 'store' and p.sees !~ 'error' then 'nothing'
        when t.name in ('retail.stores', 'retail.search_regions', 'retail.search_stores') then regexp_replace(p.sees, '([1-3])\1+', '\1', 'g')
        else p.sees
    end,
    format('%s sees its part of %s: %s', p.who, t.name, p.sees)
)
from tables as t
cross join personas as p
order by t.name, p.who;

update retail.search_regions as r
set region_id = api._region_id(array(select s.store_id from retail.stores as s where s.name < '3' order by 1))
where r.store_id = (select s.store_id from retail.stores as s where s.name = '1');
select is(
    pg_temp.ask(p.role, p.context, t.query), '3',
    'a region does not see what is of another region that has one of its stores'
)
from tables as t
join personas as p on p.who = 'a region'
where t.name = 'retail.search_regions';

-- ---------------------------------------------------------------- nobody writes

create temporary table writes as
select
    c.who,
    t.name,
    string_agg(
        pg_temp.ask(p.role, p.context, format('with w as (%s returning 1) select count(*) from w', s.statement)),
        ', ' order by s.statement
    ) as answers
from tables as t
cross join (values ('a store'), ('a region'), ('head office')) as c (who)
join personas as p on p.who = c.who
cross join lateral (
    values
        (format('insert into %s select * from %s limit 1', t.name, t.name)),
        (format('update %s set updated_at = now()', t.name)),
        (format('delete from %s', t.name))
) as s (statement)
group by c.who, t.name;
select is(w.answers, 'error 42501, error 42501, error 42501', format('%s writes nothing to %s', w.who, w.name))
from writes as w
order by w.name, w.who;

-- ---------------------------------------------------------------- mistakes of a colleague

do $mistake$
declare
    v_table text;
begin
    for v_table in select t.name from tables as t loop
        execute format('create policy mistake on %s for all to public using (true)', v_table);
    end loop;
end
$mistake$;
select is(
    pg_temp.ask(p.role, p.context, t.query),
    case when t.name in ('retail.stores', 'retail.search_regions', 'retail.search_stores') then '2' else '22' end,
    'a policy "using (true)" added by mistake does not open ' || t.name
)
from tables as t
join personas as p on p.who = 'another store'
order by t.name;
do $mistake$
declare
    v_table text;
begin
    for v_table in select t.name from tables as t loop
        execute format('drop policy mistake on %s', v_table);
    end loop;
end
$mistake$;

-- What takes a fence along with CASCADE shows nothing: the policy that opens goes with it.
create function pg_temp.ask_after(p_drop text, p_role text, p_context text, p_table text)
returns text
language plpgsql
as $function$
begin
    execute p_drop;
    raise exception using
        message = pg_temp.ask(p_role, p_context, format('select count(*) from %s', p_table));
exception
    when raise_exception then
        return sqlerrm;
end;
$function$;
set local client_min_messages = warning;
select is(
    pg_temp.ask_after(
        format('alter table %s drop column store_id cascade', t.name), p.role, p.context, t.name
    ),
    '0',
    format('%s without the column of its fence shows %s nothing', t.name, p.who)
)
from tables as t
join personas as p on p.who in ('another store', 'a region')
order by t.name, p.who;
select is(
    pg_temp.ask_after('drop function ' || f.name || ' cascade', p.role, p.context, t.name),
    '0',
    format('%s without the function of its fence shows %s nothing', t.name, p.who)
)
from tables as t
join (
    values
        ('another store', 'zava.visible_stores(name)'),
        ('a region', 'zava.visible_stores(name)'),
        ('head office', 'zava.is_head_office(name)')
) as f (who, name) on true
join personas as p on p.who = f.who
order by t.name, p.who;
reset client_min_messages;

do $fences$
declare
    v_drop text;
begin
    for v_drop in
        select format('drop policy %I on %s', p.polname, p.polrelid::regclass)
        from pg_policy as p
        join tables as t on t.name = p.polrelid::regclass::text
        where not p.polpermissive
    loop
        execute v_drop;
    end loop;
end
$fences$;
select isnt(
    pg_temp.ask(p.role, p.context, t.query),
    case when t.name in ('retail.stores', 'retail.search_regions', 'retail.search_stores') then '2' else '22' end,
    'control: it is the fence that closes ' || t.name
)
from tables as t
join personas as p on p.who = 'another store'
order by t.name;

-- ---------------------------------------------------------------- the shared catalogue

select is(
    pg_temp.ask(p.role, p.context, 'select count(*) from retail.products where sku like ''policy%'''), '3',
    format('%s reads the catalogue, which all stores share', p.who)
)
from personas as p
where p.who in ('a store', 'a region', 'head office');

select * from finish();
rollback;
