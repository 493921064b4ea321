-- Vectors beside products: what is stale, who works on it, and how search changes its model.
begin;
select plan(57);

insert into retail.categories (category_id, name) values (md5('embed')::uuid, 'Fasteners');
insert into retail.product_types (type_id, category_id, name)
values (md5('embed')::uuid, md5('embed')::uuid, 'Nails');
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price, is_active)
select
    ('00000000-0000-4000-8000-00000000000' || i)::uuid, 'EMBED-' || i, 'Nail ' || i, 'Of steel.',
    md5('embed')::uuid, md5('embed')::uuid, 1, i < 5
from generate_series(1, 5) as i;

-- What a worker does with what it has claimed; every text gets the vector (0, n, 0).
create temporary table work (product_id uuid, content text, content_hash bytea);
create function pg_temp.claim(p_model text, p_limit integer default 256, p_after uuid default null)
returns bigint
language sql
as $function$
    with claimed as (
        insert into work select c.* from zava.claim_embeddings(p_model, p_after, p_limit) as c
        returning 1
    )
    select count(*) from claimed;
$function$;
create function pg_temp.store(p_model text, p_n real default 1)
returns integer
language sql
as $function$
    with done as (delete from work returning *)
    select zava.store_embeddings(
        p_model,
        array_agg(d.product_id order by d.product_id),
        array_agg(d.content_hash order by d.product_id),
        (
            select array_agg(v.x order by d.product_id, v.place)
            from done as d
            cross join unnest(array[0, p_n, 0]) with ordinality as v (x, place)
        )
    )
    from done as d;
$function$;
create function pg_temp.state(p_model text)
returns table (embedded bigint, missing bigint, changed bigint, leased bigint)
language sql
as $function$
    select s.embedded, s.missing, s.changed, s.leased
    from zava.embedding_status() as s
    where s.model = p_model;
$function$;

-- ---------------------------------------------------------------- texts and models

select is(
    (select t.content from zava.product_texts() as t where t.product_id::text like '%0001'),
    e'Nail 1\nNails, Fasteners\nOf steel.',
    'the text of a product is its name, its kind and category, its description'
);
select is(
    (select count(*) from zava.product_texts() as t where t.content_hash = sha256(convert_to(t.content, 'UTF8'))),
    5::bigint,
    'its digest is of that text; what is no longer ordered is there as well'
);
select is(
    zava.add_embedding_model('first', 3), zava.add_embedding_model('first', 3), 'adding a model can be repeated'
);
select throws_ok(
    $$ select zava.add_embedding_model('first', 4) $$, '22023',
    'the vectors of model first have 3 dimensions, not 4', 'a model has vectors of one length'
);
select throws_ok($$ select zava.add_embedding_model('two words', 3) $$, '22023');
select throws_ok($$ select zava.add_embedding_model('', 3) $$, '22023');
select throws_ok($$ select zava.add_embedding_model(null, 3) $$, '22023');
select throws_ok($$ select zava.add_embedding_model('large', 4001) $$, '22023');
select throws_ok($$ select zava.add_embedding_model('large', null) $$, '22023');
select is(
    (select c.relowner::regrole::text from pg_class as c
     join retail.embedding_models as m on c.relname = 'product_embeddings_' || m.model_id
     where m.name = 'first'),
    'zava_owner',
    'the owner of everything owns the partition of a model'
);
select is_empty(
    $$ select from pg_class as c
       cross join aclexplode(c.relacl) as a
       where c.relispartition and c.relname ~ '^product_embeddings_' and a.grantee <> c.relowner $$,
    'nobody is granted a partition itself'
);
select throws_ok(
    $$ select * from zava.claim_embeddings('other') $$, 'P0002', 'unknown embedding model: ''other'''
);
select throws_ok($$ select zava.store_embeddings('other', '{}', '{}', '{}') $$, 'P0002');

-- ---------------------------------------------------------------- claims

select results_eq(
    $$ select * from pg_temp.state('first') $$, $$ values (0::bigint, 5::bigint, 0::bigint, 0::bigint) $$,
    'at first all is missing'
);
select is(pg_temp.claim('first', 2), 2::bigint, 'a worker claims as many as it asks for');
select is(pg_temp.claim('first'), 3::bigint, 'another gets the others');
select is(pg_temp.claim('first'), 0::bigint, 'and then there is nothing more');
select results_eq(
    $$ select * from pg_temp.state('first') $$, $$ values (0::bigint, 5::bigint, 0::bigint, 5::bigint) $$,
    'what is claimed is told'
);
select zava.release_embeddings('first', (select array_agg(w.product_id) from work as w where w.content < 'Nail 3'));
delete from work where content < 'Nail 3';
select is(pg_temp.claim('first'), 2::bigint, 'what a worker gives back can be claimed at once');
update zava.embedding_leases set leased_until = clock_timestamp() where product_id::text like '%0005';
delete from work where product_id::text like '%0005';
select is(pg_temp.claim('first'), 1::bigint, 'and what it has left behind once its lease has run out');
select is(pg_temp.store('first'), 5, 'vectors are kept');
select results_eq(
    $$ select * from pg_temp.state('first') $$, $$ values (5::bigint, 0::bigint, 0::bigint, 0::bigint) $$,
    'then nothing is missing and nothing claimed'
);
select results_eq(
    $$ select distinct e.embedding::text from retail.product_embeddings as e $$, $$ values ('[0,1,0]') $$,
    'as they were given'
);

-- ---------------------------------------------------------------- changes

update retail.products set description = 'Of brass.' where sku = 'EMBED-2';
update retail.products set list_price = 2 where sku = 'EMBED-3';
select results_eq(
    $$ select * from pg_temp.state('first') $$, $$ values (4::bigint, 0::bigint, 1::bigint, 0::bigint) $$,
    'a text that changes is to be done again, a price is not'
);
select is(pg_temp.claim('first'), 1::bigint, 'it alone is claimed');
update retail.products set description = 'Of copper.' where sku = 'EMBED-2';
select is(pg_temp.store('first', 2), 0, 'a vector of a text that changed meanwhile is not kept');
select is(pg_temp.claim('first'), 1::bigint, 'so that the product is claimed again');
select is(pg_temp.store('first', 2), 1, 'and its new vector is kept');
select is(
    (select e.embedding::text from retail.product_embeddings as e where e.product_id::text like '%0002'),
    '[0,2,0]',
    'in the place of the old one'
);
update retail.products set name = 'Nail 4' where sku = 'EMBED-3';
select is(pg_temp.claim('first'), 1::bigint, 'a text that another product has is to be done for this one too');
select is(pg_temp.store('first'), 1);
update retail.categories set name = 'Nails & Screws' where name = 'Fasteners';
select is(pg_temp.claim('first'), 5::bigint, 'a category that is renamed changes the text of its products');
delete from zava.embedding_leases;
select is(
    (select count(*) from zava.claim_embeddings('first', '00000000-0000-4000-8000-000000000004') as c),
    1::bigint,
    'a worker goes on behind what it has claimed before'
);
select throws_ok(
    $$ select zava.store_embeddings('first', array_agg(w.product_id), array_agg(w.content_hash), '{1,2,3,4}') from work as w $$,
    '22023', null, 'numbers that do not make up the vectors are refused'
);
select throws_ok(
    $$ select zava.store_embeddings('first', array_agg(w.product_id), array_agg(w.content_hash), '{NaN,0,0}')
       from (select * from work limit 1) as w $$,
    '22000', null, 'what is not a number is refused'
);
select throws_ok(
    $$ insert into retail.product_embeddings
       select m.model_id, w.product_id, w.content_hash, '{1,2}'::real[]
       from (select * from work limit 1) as w, retail.embedding_models as m where m.name = 'first'
       on conflict do nothing $$,
    '23514', null, 'the partition refuses a vector of another length'
);
select is(pg_temp.store('first'), 5);

-- ---------------------------------------------------------------- switching

select throws_ok(
    $$ select zava.activate_embedding_model('first') $$, '55000', null, 'a model without an index does not go live'
);
select ok(zava.index_embedding_model('first'), 'the index is built');
select ok(not zava.index_embedding_model('first'), 'once');
select zava.activate_embedding_model('first');
select zava.add_embedding_model('second', 2);
select zava.index_embedding_model('second');
select throws_ok(
    $$ select zava.activate_embedding_model('second') $$, '55000',
    'model second is not ready: 5 products have no vector, or there is no index',
    'a model without vectors does not go live'
);
select pg_temp.claim('second', 4);
update zava.embedding_leases set leased_until = clock_timestamp() where product_id::text like '%0004';
update retail.products set description = 'Of tin.' where sku = 'EMBED-1';
select is(pg_temp.claim('first'), 1::bigint, 'what is claimed for one model is free for another');
select results_eq(
    $$ select s.leased from (values ('first'), ('second')) as m (name) cross join lateral pg_temp.state(m.name) as s $$,
    array[1, 3]::bigint[], 'each is told of its own, as far as they have not run out'
);
select zava.store_embeddings('first', array[w.product_id], array[w.content_hash], '{0,1,0}')
from work as w where w.content like '%tin.';
select results_eq(
    $$ select s.leased from (values ('first'), ('second')) as m (name) cross join lateral pg_temp.state(m.name) as s $$,
    array[0, 3]::bigint[], 'and gives back its own alone'
);
update retail.products set description = 'Of steel.' where sku = 'EMBED-1';
delete from work as w where w.content like '%tin.';
with done as (delete from work returning *)
select zava.store_embeddings('second', array_agg(d.product_id), array_agg(d.content_hash), '{1,0,1,0,1,0,1,0}')
from done as d;
select throws_ok(
    $$ select zava.activate_embedding_model('second') $$, '55000',
    'model second is not ready: 1 products have no vector, or there is no index',
    'nor one that lacks a single product'
);
select zava.activate_embedding_model('second', array_agg(p.product_id))
from retail.products as p
where not exists (
    select from retail.product_embeddings as e
    join retail.embedding_models as m on m.model_id = e.model_id and m.name = 'second'
    where e.product_id = p.product_id
);
select is(
    (select m.name from retail.embedding_models as m where m.state = 'live'), 'second',
    'unless that product is named'
);
select throws_ok(
    $$ select zava.activate_embedding_model('second', null) $$, '55000', null, 'null names none'
);
insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values (md5('embed')::uuid, 'embed', 'E', 'E', 0.1, '2020-01-01');
insert into retail.inventory (store_id, product_id, price, unit_cost)
select md5('embed')::uuid, p.product_id, 1, 1 from retail.products as p;
select zava.refresh_search_words();
select zava.activate_embedding_model('first');
select results_eq(
    $$ select m.name from retail.embedding_models as m join retail.search_stores as s on s.model_id = m.model_id
       union all
       select distinct m.name
       from retail.embedding_models as m
       join retail.search_assortments as a on a.model_id = m.model_id and public.vector_dims(a.embedding) = m.dimensions $$,
    array['first', 'first'], 'what stores sell is taken up with the model that is live, vectors too'
);
update retail.products set description = 'Of iron.' where sku <> 'EMBED-5';
select is(pg_temp.claim('second'), 5::bigint);
with done as (delete from work returning *)
select zava.store_embeddings(
    'second', array_agg(d.product_id), array_agg(d.content_hash), '{1,0,1,0,1,0,1,0,1,0}'
)
from done as d;
select zava.activate_embedding_model('second');
select set_eq(
    $$ select m.name, m.state from retail.embedding_models as m $$,
    $$ values ('first', 'building'), ('second', 'live') $$,
    'a filled model takes the place of the one that was live'
);
select throws_ok(
    $$ select zava.retire_embedding_model('second') $$, '55000', 'model second is live', 'a live model stays'
);
select is(pg_temp.claim('first', 2), 2::bigint);
delete from work;
select zava.retire_embedding_model('first');
select zava.activate_embedding_model('second');
select is(
    (select m.state from retail.embedding_models as m where m.name = 'first'), 'retired',
    'a retired model stays so, whichever goes live'
);
select is_empty(
    $$ select from pg_class as c where c.relname ~ '^product_embeddings_' and c.relkind = 'r'
           and not exists (select from retail.product_embeddings as e where e.tableoid = c.oid) $$,
    'a retired model leaves no vectors behind'
);
select zava.add_embedding_model('first', 4);
select is(pg_temp.claim('first'), 5::bigint, 'it may come back, with vectors of another length');

-- ---------------------------------------------------------------- who may

set local role zava_service;
select results_eq(
    $$ select * from zava.live_embedding_model() $$, $$ values ('second', 2) $$,
    'the service login learns which model is live'
);
reset role;
select is_empty(
    $$ select p.oid::regprocedure, r.rolname
       from pg_proc as p
       cross join pg_roles as r
       where p.pronamespace = 'zava'::regnamespace and p.proname ~ 'embedding|product_texts'
           and r.rolname in ('zava_service', 'zava_gateway', 'zava_writer', 'store_manager', 'regional_manager', 'head_office')
           and has_function_privilege(r.oid, p.oid, 'execute')
           and (p.proname, r.rolname) <> ('live_embedding_model', 'zava_service') $$,
    'nobody else runs a function of this but its owner'
);

select * from finish();
rollback;
