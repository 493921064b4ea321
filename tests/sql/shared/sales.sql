-- Rows of sales: write them into the table lines, select pg_temp.sell(), and ask as a principal by
-- pg_temp.ask().
\ir context.sql

-- The rows of a query as one principal sees them, a line each, or the error. Null asks without a
-- context, in the role of a store.
create function pg_temp.ask(p_name text, p_query text)
returns text
language plpgsql
as $function$
declare
    v_role name;
    v_answer text;
begin
    select p.role_name
    into v_role
    from zava.principals as p
    where p.name = p_name or p_name is null and p.kind = 'store'
    order by p.role_name
    limit 1;
    perform set_config('zava.context', coalesce(pg_temp.context(p_name), ''), true);
    execute format('set local role %I', v_role);
    execute format('select string_agg(q::text, e''\n'') from (%s) as q', p_query) into v_answer;
    reset role;
    return coalesce(v_answer, 'nothing');
exception
    when others then
        return format('error %s: %s', sqlstate, sqlerrm);
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
