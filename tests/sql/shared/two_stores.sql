-- Two stores, seven products, principals an-a, an-region and an-head, and how they sell and ask.
\ir sales.sql

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

-- What every report owes its caller, in four assertions.
create function pg_temp.keeps_apart(p_report text, p_arguments text default null)
returns setof text
language plpgsql
as $function$
declare
    v_call text := format('select * from api.%s(%%s)', p_report);
begin
    return next is(
        pg_temp.ask(null, format(v_call, p_arguments)),
        'nothing',
        'nobody sees anything without a context'
    );
    return next is(
        pg_temp.ask('an-a', format(v_call, concat_ws(', ', '''an_b''', p_arguments))),
        'error 42501: store an_b is not visible to you',
        'a store may not ask about another'
    );
    return next is(
        pg_temp.ask('an-a', format(v_call, concat_ws(', ', '''an_zz''', p_arguments))),
        'error 42501: store an_zz is not visible to you',
        'a store that is not there gives the same error'
    );
    return next is(
        pg_temp.ask('an-head', format(v_call, concat_ws(', ', '''an_a''', p_arguments))),
        pg_temp.ask('an-a', format(v_call, p_arguments)),
        'head office gets the numbers of one store when it names it'
    );
end;
$function$;
