-- Two stores, seven products, principals an-a, an-region and an-head. Loaded into the transaction of
-- a test by \ir: write its rows into the table lines, then select pg_temp.sell(), and ask as one of
-- the principals by pg_temp.ask().
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values
    (md5('an_a')::uuid, 'an_a', 'A', 'Seattle', 0.1, '2020-01-01'),
    (md5('an_b')::uuid, 'an_b', 'B', 'Tacoma', 0.1, '2020-01-01');
insert into retail.categories (category_id, name) values (md5('tools')::uuid, 'Tools');
insert into retail.product_types (type_id, category_id, name)
select md5(t.name)::uuid, md5('tools')::uuid, t.name
from (values ('Hand'), ('Small')) as t (name);
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(p.name)::uuid, p.name, p.name, p.name, md5('tools')::uuid, md5(p.type)::uuid, 10
from (
    values ('hammer', 'Hand'), ('saw', 'Hand'), ('nails', 'Small'), ('tape', 'Small'),
        ('drill', 'Hand'), ('ladder', 'Hand'), ('wrench', 'Hand')
) as p (name, type);

select zava.create_principal('an-a', 'store', '{an_a}');
select zava.create_principal('an-region', 'region', '{an_a,an_b}');
select zava.create_principal('an-head', 'head');
select zava.create_signing_key(
    'ankey',
    decode(repeat('5d', 32) || repeat('36', 32), 'hex'),
    decode(repeat('37', 32) || repeat('5c', 32), 'hex')
);

-- The rows of a query as one principal sees them, a line each, or the SQLSTATE. Null asks without
-- a context, in the role of a store.
create function pg_temp.ask(p_name text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_role name;
    v_answer text;
begin
    perform set_config('zava.context', '', true);
    select
        p.role_name,
        set_config('zava.context', b.body || '.' || encode(sha256(
            decode(repeat('37', 32) || repeat('5c', 32), 'hex')
            || sha256(
                decode(repeat('5d', 32) || repeat('36', 32), 'hex') || convert_to(b.body, 'UTF8')
            )
        ), 'hex'), true)
    into v_role
    from zava.principals as p
    cross join lateral concat_ws('.', '1', 'ankey', p.principal_id, p.role_name, '0',
        extract(epoch from clock_timestamp())::bigint + 600) as b (body)
    where p.name = p_name;
    execute format('set local role %I', coalesce(v_role, 'zava_store_an_a'));
    execute format('select string_agg(q::text, e''\n'') from (%s) as q', p_query) into v_answer;
    reset role;
    return coalesce(v_answer, 'nothing');
exception
    when others then
        return 'error ' || sqlstate;
end;
$function$;

create temporary table lines (
    store text, customer text, number integer, moment timestamptz, status text, product text,
    quantity integer, price numeric, cost numeric, returns integer
);
-- Two stores may have an order of the same id.
create function pg_temp.id(p_number integer)
returns uuid
language sql
return md5(p_number::text)::uuid;
create function pg_temp.sell()
returns void
language sql
as $function$
    insert into retail.customers (
        store_id, customer_id, first_name, last_name, email, city, joined_on
    )
    select distinct md5(l.store)::uuid, md5(l.customer)::uuid, l.customer, 'Test',
        l.customer || '@example.com', 'Seattle', date '2020-01-01'
    from lines as l
    where l.customer is not null;
    insert into retail.orders (
        store_id, order_id, customer_id, order_date, status, return_of, total_amount
    )
    select md5(l.store)::uuid, pg_temp.id(l.number), md5(l.customer)::uuid,
        l.moment, l.status, pg_temp.id(l.returns), sum(l.quantity * l.price)
    from lines as l
    group by l.store, l.number, l.customer, l.moment, l.status, l.returns;
    insert into retail.order_items (
        store_id, order_id, line_number, product_id, order_date, quantity, unit_price, unit_cost,
        total_amount, return_of_order_id, return_of_line_number
    )
    select md5(l.store)::uuid, pg_temp.id(l.number),
        row_number() over (partition by l.store, l.number order by l.product),
        md5(l.product)::uuid, l.moment, l.quantity, l.price, l.cost, l.quantity * l.price,
        pg_temp.id(l.returns), case when l.returns is not null then 1 end
    from lines as l;
$function$;
