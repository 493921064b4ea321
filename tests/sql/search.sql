-- api.search_products() and its sisters: seven products, two stores, vectors of three numbers.
begin;
select plan(160);

-- ---------------------------------------------------------------- arrange

\ir shared/sales.sql

insert into retail.stores (store_id, store_key, name, city, tax_rate, opened_on)
values
    (md5('sr_a')::uuid, 'sr_a', 'A', 'Seattle', 0.1, '2020-01-01'),
    (md5('sr_b')::uuid, 'sr_b', 'B', 'Tacoma', 0.1, '2020-01-01');
insert into retail.categories (category_id, name)
values (md5('tools')::uuid, 'Tools'), (md5('garden')::uuid, 'Garden');
insert into retail.product_types (type_id, category_id, name)
values
    (md5('Hammers')::uuid, md5('tools')::uuid, 'Hammers'),
    (md5('Drills')::uuid, md5('tools')::uuid, 'Drills'),
    (md5('Soil')::uuid, md5('garden')::uuid, 'Soil');
create temporary table articles (product text, name text, description text, type text, vector text);
insert into articles
values
    ('hammer', 'Claw Hammer', 'Drives and pulls nails.', 'Hammers', '[1,0,0]'),
    ('mallet', 'Rubber Mallet', 'Knocks wood together without a dent.', 'Hammers', '[0.8,0.6,0]'),
    ('drill', 'Cordless Drill', 'Bores holes in wood.', 'Drills', '[0,1,0]'),
    ('bits', 'Drill Bits', 'Fit every cordless drill.', 'Drills', '[0,0.8,0.6]'),
    ('soil', 'Potting Soil', 'Feeds jalapeño and tomato.', 'Soil', '[0,0,1]'),
    ('peat', 'Peat', 'For pots.', 'Soil', '[0,0.6,0.8]'),
    ('new', 'Sledge Hammer', 'Breaks concrete.', 'Hammers', null);
insert into retail.products (product_id, sku, name, description, category_id, type_id, list_price)
select md5(a.product)::uuid, upper(a.product), a.name, a.description,
    case a.type when 'Soil' then md5('garden') else md5('tools') end::uuid, md5(a.type)::uuid, 10
from articles as a;
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
select md5(i.store)::uuid, md5(i.product)::uuid, i.price, 1, i.stock
from (
    values
        ('sr_a', 'hammer', 10, 5), ('sr_a', 'mallet', 12, 0), ('sr_a', 'drill', 99, 2),
        ('sr_a', 'bits', 8, 3), ('sr_a', 'new', 30, 1),
        ('sr_b', 'hammer', 77, 7), ('sr_b', 'drill', 88, 0), ('sr_b', 'soil', 6, 4),
        ('sr_b', 'peat', 5, 9)
) as i (store, product, price, stock);

select zava.create_principal('sr-a', 'store', '{sr_a}');
select zava.create_principal('sr-region', 'region', '{sr_a,sr_b}');
select zava.create_principal('sr-head', 'head');
insert into lines
values
    ('sr_a', 'ann', 1, '2026-03-01 12:00-08'::timestamptz, 'completed', 'hammer', 1, 10, 6, null::integer),
    ('sr_a', 'ann', 1, '2026-03-01 12:00-08', 'completed', 'bits', 1, 8, 1, null),
    ('sr_a', null, 2, '2026-03-02 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('sr_a', null, 2, '2026-03-02 12:00-08', 'completed', 'drill', 1, 99, 6, null),
    ('sr_a', null, 3, '2026-03-03 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('sr_a', null, 3, '2026-03-03 12:00-08', 'completed', 'drill', 1, 99, 6, null),
    ('sr_a', 'bob', 4, '2026-03-04 12:00-08', 'completed', 'mallet', 1, 12, 6, null),
    ('sr_a', null, 5, '2026-03-31 23:30-07', 'completed', 'new', 50, 2, 1, null),
    ('sr_a', null, 6, '2026-03-05 12:00-08', 'return', 'hammer', -1, 10, 6, 1),
    ('sr_a', null, 7, '2026-03-05 12:00-08', 'cancelled', 'hammer', 1, 10, 6, null),
    ('sr_a', null, 7, '2026-03-05 12:00-08', 'cancelled', 'new', 1, 12, 6, null),
    ('sr_b', 'cid', 1, '2026-03-05 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('sr_b', 'cid', 1, '2026-03-05 12:00-08', 'completed', 'soil', 1, 12, 6, null),
    ('sr_b', null, 2, '2026-03-06 12:00-08', 'completed', 'hammer', 1, 10, 6, null),
    ('sr_b', null, 2, '2026-03-06 12:00-08', 'completed', 'soil', 1, 12, 6, null),
    ('sr_b', null, 3, '2026-03-06 12:00-08', 'completed', 'peat', 1, 12, 6, null),
    ('sr_b', null, 3, '2026-03-06 12:00-08', 'completed', 'peat', 2, 11, 6, null);
select pg_temp.sell();
-- Who has bought nothing yet.
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
values (md5('sr_a')::uuid, md5('eve')::uuid, 'eve', 'Test', 'eve@example.com', 'Seattle', '2020-01-01');

create function pg_temp.partition()
returns void
language plpgsql
as $function$
declare
    v_model record;
begin
    for v_model in select m.model_id, m.dimensions from retail.embedding_models as m loop
        execute format(
            'create table retail.product_embeddings_%1$s partition of retail.product_embeddings
            (check (public.vector_dims(embedding) = %2$s)) for values in (%1$s)',
            v_model.model_id, v_model.dimensions
        );
    end loop;
end;
$function$;

-- ---------------------------------------------------------------- words only

select is(
    pg_temp.ask('sr-a', $$ select sku, price, stock_level, in_stock_at, found_by, searched_by
        from api.search_products('hammer') $$),
    e'(NEW,30.00,1,sr_a,words,"words only: the text was not embedded")\n'
    '(HAMMER,10.00,5,sr_a,words,"words only: the text was not embedded")',
    'without counted words and without a model, words are looked for all the same'
);
select is(zava.refresh_search_words(), 29::bigint, 'the words of the catalogue are counted');
select is(zava.refresh_search_words(), 0::bigint, 'to count again changes nothing');
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('hamer') $$),
    e'(NEW)\n(HAMMER)',
    'a misspelled word is repaired'
) where exists (select from pg_extension as e where e.extname = 'pg_trgm')
union all
select skip('there is no pg_trgm', 1)
where not exists (select from pg_extension as e where e.extname = 'pg_trgm');
select is(
    (
        select string_agg(coalesce(n.lexeme, 'none'), ' ' order by w.place)
        from unnest(array['hammr', 'mallte', 'hamemr', 'drlil', 'jalappeño', 'tomatto', 'nial', 'camera', 'sled', 'wooden8'])
            with ordinality as w (word, place)
        left join lateral api._nearest_word(w.word) as n on true
    ),
    'hammer mallet hammer drill jalapeño tomato none none none none',
    'one slip is repaired in words of five letters and more, and no word is taken for a longer one'
) where exists (select from pg_extension as e where e.extname = 'pg_trgm')
union all
select skip('there is no pg_trgm', 1)
where not exists (select from pg_extension as e where e.extname = 'pg_trgm');
select results_eq(
    $$ select w.word, api._is_one_slip(w.word, w.other) from (values
        ('drill', 'drilll'), ('drill', 'dill'), ('drill', 'trill'), ('drill', 'drlil'), ('drill', 'drill'),
        ('rdill', 'drlil'), ('drill', 'drilled'), ('aa', 'aaaa'), ('abab', 'baba'), ('', 'ab')
    ) as w (word, other) $$,
    $$ select w.word, n <= 5 from unnest(
        array['drill', 'drill', 'drill', 'drill', 'drill', 'rdill', 'drill', 'aa', 'abab', '']
    ) with ordinality as w (word, n) $$,
    'a slip is one letter more, less or other, or two that changed places'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, headline from api.search_products('cordless drill bits') $$),
    e'(BITS,"Fit every **cordless** **drill**.")\n(DRILL,"Bores holes in wood.")',
    'who has most of the words comes first, with its words marked'
);
select is(
    (
        select string_agg(api._wanted_text(t.query), '|' order by t.place)
        from unnest(array[
            'sofa without arms', 'dog bed, not light blue, large', 'table without the two drawers for kids',
            'bed w/o a headboard', 'doors that do not slam', 'not a hammer', 'without', 'knot', 'no-drill rod',
            'forget-me-not seeds', 'paint except white', 'paint other than off white, 1 gal',
            'bulbs, excluding LED and smart', 'anything apart from the claw', 'longer than a foot',
            'hammer but not claw', 'paint that is not white', 'rope, but without hooks', 'paint, not for walls but for wood'
        ]) with ordinality as t (query, place)
    ),
    'sofa |dog bed, , large|table  for kids|bed |doors that do not slam|not a hammer|without|knot|no-drill rod|forget-me-not seeds'
        '|paint |paint , 1 gal|bulbs,  and smart|anything |longer than a foot'
        '|hammer |paint |rope, |paint,  for wood',
    'what is said not to be is not looked for, unless nothing else is asked for'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, headline from api.search_products('hammer without a claw') $$),
    e'(NEW,"Breaks concrete.")\n(HAMMER,"Drives and pulls nails.")',
    'who wants it without a claw does not get the claw first'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('hammer except claw', p_limit => 1) $$),
    '(NEW)', 'nor does who wants any except the claw'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('mallet/sledge') order by sku $$),
    e'(MALLET)\n(NEW)', 'what a slash joins is asked for word by word'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('not a claw', p_limit => 1) $$),
    '(HAMMER)', 'there are no operators: of nothing else a text is read as any'
);
select is(
    pg_temp.ask('sr-a', $$ select max(t.worth) = min(t.worth), count(*)
        from unnest(array['drill 10', 'drill 10 in', 'drill 10in', 'drill 10 IN.']) as q (query)
        cross join lateral (select round(w.total::numeric, 2) as worth from api._asked_words(q.query) as w) as t $$),
    '(t,4)', 'an inch is no word that a product lacks'
);
update retail.products as p
set description = 'Even a beginner makes them straight with it, in boards of any kind: holes in wood.'
where p.sku = 'DRILL';
select is(
    pg_temp.ask('sr-a', $$ select sku, headline from api.search_products('drilling of holes', p_limit => 1) $$),
    '(DRILL,"them straight with it, in boards of any kind: **holes** in wood.")',
    'one of the words is marked where the others are not'
);
update retail.products as p set description = 'Bores holes in wood.' where p.sku = 'DRILL';
select is(
    pg_temp.ask('sr-a', $$ select lexemes from api._asked_words('20V drill 2x4x8 1/2in m8') $$),
    '("{1/2,2,20,4,8,drill,m8,v,x}")',
    'a size in one word is asked for in parts'
);
select is(
    pg_temp.ask('sr-a', $$ select cardinality(lexemes) from api._asked_words(repeat('1x', 400)) $$), '(1)',
    'but nothing that is longer than any size'
);
select is(
    pg_temp.ask('sr-a', $$ select array(select unnest(w.lexemes) collate "C" order by 1) from api._asked_words('pottingsoil for the Hammerclaw or drillwood') as w $$),
    '("{claw,drillwood,hammer,pot,soil}")',
    'a name in one word is asked for in two, if a product has both in its name'
);
select is(
    pg_temp.ask('sr-a', $$ select q.query, round(w.total::numeric, 2) = round((select sum(u) from unnest(w.weights) as u)::numeric, 2)
        from unnest(array['52-709A', 'over-drill', 'T-peat', 'claw''s drill', 'over drill']) as q (query)
        cross join lateral api._asked_words(q.query) as w $$),
    e'(52-709A,t)\n(over-drill,t)\n(T-peat,t)\n("claw''s drill",t)\n("over drill",f)',
    'a part of a name is no small word'
);
select is(
    pg_temp.ask('sr-a', $$ select array(select unnest(w.lexemes) collate "C" order by 1) from api._asked_words('2-1/4 soil, 3/8-inch peat') as w $$),
    '("{1/4,2,3/8,inch,peat,soil}")',
    'a mixed number is asked for with a space, and a fraction without what is joined to it'
);
select is(
    pg_temp.ask('sr-a', $$ select array(select unnest(w.lexemes) collate "C" order by 1) from api._asked_words('1½ in drill, 2×4, 8′ peat, ¾″') as w $$),
    '("{1,1/2,2,3/4,4,8,drill,peat,x}")',
    'fractions, times and feet as a typesetter writes them are asked for as anybody does'
);
insert into retail.search_lexemes (lexeme, products, weight, places, named) values ('½', 1, 9, '', '');
select is(
    pg_temp.ask('sr-a', $$ select array(select unnest(w.lexemes) collate "C" order by 1) from api._asked_words('½ drill zzz') as w $$),
    -- To some locales ½ is no letter, so that no product is found by it.
    case when to_tsvector('simple', '½') = '' then '("{1/2,drill,zzz}")' else '("{drill,zzz,½}")' end,
    'unless the catalogue writes so'
);
delete from retail.search_lexemes as l where l.lexeme = '½';
insert into retail.search_lexemes (lexeme, products, weight, places, named) values ('/4', 1, 9, '', '');
select is(
    pg_temp.ask('sr-a', $$ select array(select unnest(w.lexemes) collate "C" order by 1) from api._asked_words('soil 2 1/4 in 3/4 1/4') as w $$),
    '("{-1,/4,1/4,2,3/4,soil}")',
    'or with a hyphen, if the catalogue has it so'
);
delete from retail.search_lexemes as l where l.lexeme = '/4';
update retail.products as p set description = 'For 2x4 pots.' where p.sku = 'PEAT';
insert into retail.search_lexemes (lexeme, products, weight, places, named) values ('7x7', 1, 9, '', '');
select is(
    pg_temp.ask('sr-a', $$ select lexemes from api._asked_words('2X4, 7x7 and 8x8 qqqqq') $$),
    '("{2x4,7x7,8,qqqqq,x}")',
    'but not one that the catalogue has so, counted or not, whatever else is asked for'
);
delete from retail.search_lexemes as l where l.lexeme = '7x7';
update retail.products as p set description = 'For pots.' where p.sku = 'PEAT';
update retail.products as p set name = 'Nightstand 6qt' where p.sku = 'BITS';
update retail.products as p set description = 'Lies in a bookcase.' where p.sku = 'MALLET';
select zava.refresh_search_words();
select is(
    pg_temp.ask('sr-a', format($$ select q.query, s.sku
        from unnest(array['night stand', 'a Night stand, drill', 'stand night', '6 qt mmmmm', 'book case']) with ordinality as q (query, place)
        cross join lateral api.search_products(q.query, p_max_price => %s) as s
        order by q.place, s.rank $$, c.price)),
    e'("night stand",BITS)\n("a Night stand, drill",DRILL)\n("a Night stand, drill",BITS)\n("6 qt mmmmm",BITS)',
    'two words are found as the one that a product is named by, ' || c.way
)
from (values ('null', 'among what was taken up'), ('100', 'under filters')) as c (price, way);
select is(
    pg_temp.ask('sr-a', $$ select a.words, a.products, round(a.total::numeric, 2) = round((select sum(u) from unnest(a.weights) as u)::numeric, 2)
        from api._asked_words('night stand') as a $$),
    $$("{""'night' | 'nightstand'"",""'stand' | 'nightstand'""}","{1,1}",t)$$,
    'either of which may be written so'
);
update retail.products as p set name = 'Drill Bits' where p.sku = 'BITS';
update retail.products as p
set description = case p.sku
    when 'MALLET' then 'Has no claw.' else 'Has ' || (select string_agg('w' || n, ' ') from generate_series(1, 200) as n)
end
where p.sku in ('MALLET', 'HAMMER');
select zava.refresh_search_words();
select is(
    pg_temp.ask('sr-a', format($$ select sku from api.search_products('claw', p_limit => %s, p_max_price => %s) $$, c.most, c.price)),
    c.answer, 'what is named so comes first, however long its text, ' || c.way
)
from (
    values (2, 'null', e'(HAMMER)\n(MALLET)', 'among what was taken up'),
        (1, 'null', '(HAMMER)', 'alone as well'),
        (2, '12', e'(HAMMER)\n(MALLET)', 'under filters'),
        (1, '12', '(HAMMER)', 'where only one is shown')
) as c (most, price, answer, way);
update retail.products as p
set description = case p.sku when 'MALLET' then 'Knocks wood together without a dent.' else 'Drives and pulls nails.' end
where p.sku in ('MALLET', 'HAMMER');
select zava.refresh_search_words();
select is(
    pg_temp.ask('sr-region', $$ select sku from api.search_products('jalapeño') $$), '(SOIL)',
    'a word with an accent is found'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('🔨') $$), 'nothing',
    'a picture finds nothing by words, which is no error'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products(e'''\\ & | ! <-> : * (') $$), 'nothing',
    'the signs of a tsquery are text'
);

-- ---------------------------------------------------------------- what stores sell, taken up

-- A word that no text has, so that it shows when what was taken up is what was searched.
insert into retail.search_lexemes (lexeme, products, weight, places, named)
select 'qqqq', 1, 9, b.places, b.places
from (
    select string_agg((p.product_id = md5('mallet')::uuid)::integer::text, '' order by p.number)::bit varying
        as places
    from retail.search_numbers as p
) as b;
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('qqqq') $$), '(MALLET)',
    'what was taken up is searched'
);
select is(
    pg_temp.ask('sr-head', $$ select sku from api.search_products('qqqq') $$), '(MALLET)',
    'by head office as well'
);
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
values (md5('sr_a')::uuid, md5('peat')::uuid, 5, 1, 1);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('peat qqqq') $$), '(PEAT)',
    'once it sells another product, that is found, and what was taken up is not asked'
);
select zava.refresh_search_assortments();
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('peat qqqq') $$), e'(PEAT)\n(MALLET)',
    'until it is taken up too'
);
delete from retail.inventory as i
where i.store_id = md5('sr_a')::uuid and i.product_id in (md5('mallet')::uuid, md5('peat')::uuid);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('mallet qqqq') $$), 'nothing',
    'nor is anything found that it does not sell any more'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('mallet hammer') $$), e'(NEW)\n(HAMMER)',
    'and what it still sells is found all the same'
);
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
values (md5('sr_a')::uuid, md5('mallet')::uuid, 12, 1, 0);
select is(
    array[zava.refresh_search_words(), zava.refresh_search_assortments()], array[0, 0]::bigint[],
    'a refresh takes up what differs, and no more'
);
select is_empty(
    $$ select * from retail.search_lexemes as l where l.lexeme = 'qqqq' $$,
    'words that no text has are forgotten'
);
select is_empty(
    $$ select i.store_id, i.product_id
       from retail.inventory as i
       full join retail.search_assortments as a
           on a.store_id = i.store_id and a.product_id = i.product_id
       left join retail.search_numbers as n on n.product_id = i.product_id
       left join retail.search_stores as s on s.store_id = i.store_id
       where (i.in_search and a.product_id is not null and get_bit(s.sold, n.number - 1) = 1) is not true $$,
    'then what was taken up is what is sold'
);
select is_empty(
    $$ select n.product_id, l.lexeme
       from retail.search_numbers as n
       cross join retail.search_lexemes as l
       left join unnest(n.search_words) as w on w.lexeme = l.lexeme
       where get_bit(l.places, n.number - 1) <> (w.lexeme is not null)::integer
           or get_bit(l.named, n.number - 1) <> coalesce('A' = any (w.weights), false)::integer $$,
    'and each word is where its bits say'
);

select is(
    array(select f.place from api._first_places((repeat('0', 700) || '1' || repeat('0', 600) || '111')::bit varying, 3) as f),
    array[701, 1302, 1303],
    'bits are found wherever they are'
);
select is(pg_temp.ask('sr-a', format(
    $$ select p.sku, round(m.coverage::numeric, 2) as coverage
       from api._matching_copied(%L, (select bit_or(s.sold) from retail.search_stores as s), %s) as m
       join retail.products as p on p.product_id = m.product_id $$,
    c.query, c.number
)), c.answer, c.name)
from (
    values
        ('claw cordless drill', 1, '(DRILL,0.58)', 'two words say more than one that is rarer'),
        ('claw cordless drill', 3, e'(DRILL,0.58)\n(BITS,0.48)\n(HAMMER,0.42)', 'which comes next, and a word says less where it is not in the name'),
        ('peat drill', 3, e'(BITS,0.41)\n(DRILL,0.41)', 'rarer words may be of what others sell'),
        ('how to drill', 1, '(BITS,0.33)', 'small words are asked for too')
) as c (query, number, answer, name);

select is(
    pg_temp.ask('sr-a', $$ select p.sku, round(m.coverage::numeric, 2)
        from api._matching_products('claw cordless drill', null, null, null, null, false, 3) as m
        join retail.products as p on p.product_id = m.product_id $$),
    e'(DRILL,0.58)\n(BITS,0.48)\n(HAMMER,0.42)', 'as where nothing was taken up'
);

select is(
    pg_temp.ask('sr-a', format($$ select p.sku, round(m.coverage::numeric, 2)
        from api.%s, array[md5('hammer'), md5('drill'), md5('mallet')]::uuid[]) as m
        join retail.products as p on p.product_id = m.product_id $$, c.function)),
    e'(DRILL,0.58)\n(HAMMER,0.42)', c.name
)
from (
    values
        (
            $$_matching_copied('claw cordless drill', (select bit_or(s.sold) from retail.search_stores as s), 1$$,
            'what others found has its place among the best, if it has a word'
        ),
        (
            $$_matching_products('claw cordless drill', null, null, null, null, false, 1, 1$$,
            'as where nothing was taken up'
        ),
        (
            $$_matching_products('claw cordless drill', array[md5('drill'), md5('bits')]::uuid[], null, null, null, false, 1, 1$$,
            'and among few'
        )
) as c (function, name);
select is(
    pg_temp.ask('sr-a', $$ select string_agg(p.sku, ' ' order by p.sku)
        from api._matching_copied(
            'claw concrete dent rubber sledge pulls wood', (select bit_or(s.sold) from retail.search_stores as s), 10
        ) as m
        join retail.products as p on p.product_id = m.product_id $$),
    '("DRILL HAMMER MALLET NEW")', 'what has none of the six rarest words comes last'
);
select is(
    pg_temp.ask('sr-a', format($$ select string_agg(p.sku, ' ' order by p.sku)
        from api._matching_products(%s) as m
        join retail.products as p on p.product_id = m.product_id $$, c.arguments)),
    c.answer, c.name
)
from (
    values
        ($$'hammer drill mallet', null, null, null, null, false, 10$$, '("BITS DRILL HAMMER MALLET NEW")', 'among many products each that has a word is found'),
        ($$'hammer drill mallet', null, md5('garden')::uuid, null, null, false, 10$$, '()', 'of the category asked for'),
        ($$'hammer drill mallet', null, null, 12, null, false, 10$$, '("DRILL MALLET NEW")', 'at the lowest price or above'),
        ($$'hammer drill mallet', null, null, null, 10, false, 10$$, '("BITS HAMMER")', 'at the highest price or below'),
        ($$'hammer drill mallet', null, null, null, null, true, 10$$, '("BITS DRILL HAMMER NEW")', 'in stock'),
        ($$'claw cordless drill', null, null, null, null, false, 1$$, '(DRILL)', 'the best of them first'),
        ($$'claw cordless drill', array(select i.product_id from retail.inventory as i), null, null, null, false, 1$$, '(DRILL)', 'as among few')
) as c (arguments, answer, name);

-- ---------------------------------------------------------------- meaning

insert into retail.embedding_models (name, dimensions) values ('test', 3), ('next', 2);
select pg_temp.partition();
insert into retail.product_embeddings (model_id, product_id, content_hash, embedding)
select m.model_id, p.product_id, p.content_hash, a.vector::public.halfvec
from articles as a
join retail.products as p on p.product_id = md5(a.product)::uuid
join retail.embedding_models as m on m.name = 'test'
where a.vector is not null;
select is(
    pg_temp.ask('sr-a', $$ select count(*), min(searched_by) from api.search_products('hammer', '[1,0,0]') $$),
    '(2,"words only: no model is live")',
    'a vector is of no use while no model is live, and the answer says so'
);
update retail.embedding_models set state = 'live' where name = 'test';
select is(
    pg_temp.ask('sr-a', $$ select rank, sku, similarity, found_by, searched_by
        from api.search_products('🔨', '[2,0,0]', p_limit => 3) $$),
    e'(1,HAMMER,1.000,meaning,"meaning and words")\n(2,MALLET,0.800,meaning,"meaning and words")\n'
    '(3,BITS,0.000,meaning,"meaning and words")',
    'the nearest come first, at whatever length the vector is'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, similarity, found_by from api.search_products('sledge hammer', '[1,0,0]', p_limit => 2) $$),
    e'(NEW,,words)\n(HAMMER,1.000,both)',
    'both lists are merged, and a product without a vector is found by its words'
);
select is(
    pg_temp.ask('sr-a', $$ select q.query, s.score
        from unnest(array['drill', 'drill without a claw', 'how to drill without a claw', 'camera without a claw']) as q (query)
        cross join lateral api.search_products(q.query, '[1,0,0]') as s
        where s.sku = 'HAMMER' $$),
    e'(drill,0.04762)\n("drill without a claw",0.01190)\n("how to drill without a claw",0.03571)\n("camera without a claw",0.04762)',
    'what is nearest to a text that says what shall not be counts less, the more the rest is in words'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, similarity from api.search_products('hammer', '[1,0,0]', p_min_similarity => 0.9) $$),
    e'(HAMMER,1.000)\n(NEW,)',
    'the smallest similarity leaves out what is known to be less similar'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, category from api.search_products('hammer', '[1,0,0]', p_in_stock => true, p_max_price => 30, p_min_price => 10, p_category => 'tools') $$),
    e'(HAMMER,Tools)\n(NEW,Tools)',
    'category, price and stock filter'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('hammer', '[1,0,0]', p_category => 'garden') $$),
    'nothing',
    'what the store does not sell is not found'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.search_products('potting soil', '[0,0,1]', p_limit => 100) as s where sku in ('SOIL', 'PEAT') $$),
    'nothing',
    'nor in the longest list'
);
select is(
    pg_temp.ask('sr-region', $$ select sku, price, stock_level, in_stock_at from api.search_products('hammer', '[1,0,0]', p_limit => 1) $$),
    '(HAMMER,10.00,12,"sr_a, sr_b")',
    'a region sees its lowest price, its stock and where it is'
);
select is(
    pg_temp.ask('sr-region', $$ select count(*), count(distinct sku) from api.search_products('hammer', '[1,0,0]', p_limit => 100) $$),
    '(7,7)',
    'what several stores sell is shown once'
);
select zava.refresh_search_assortments();
select is(
    pg_temp.ask('sr-region', format(
        $$ select string_agg(p.sku, ' ' order by p.sku)
           from %s as n
           join retail.products as p on p.product_id = n.product_id $$,
        c.nearest
    )),
    '("BITS DRILL HAMMER MALLET PEAT SOIL")',
    c.name
)
from (
    values
        ($$api._nearest_compared('[1,0,0]', 2, 10)$$, 'copies of several stores are compared'),
        (
            $$api._nearest_copied(
                '[1,0,0]', (select f.model_id from api._few() as f), array(select s.store_id from retail.stores as s), 10
            )$$,
            'or looked for together, and shown once'
        )
) as c (nearest, name);
-- What was taken up may be of any age; few products have no index to miss any.
create function pg_temp.found(p_name text, p_taken boolean)
returns text
language sql
return pg_temp.ask(p_name, format(
    $$ select p.sku, f.similarity
       from api._found_products('[0.6,0.8,0]', 'hammer drill soil', null, null, null, false, 10, %L) as f
       join retail.products as p on p.product_id = f.product_id
       order by p.sku, f.similarity $$,
    p_taken
));
select is(
    pg_temp.ask('sr-a', format(
        $$ select p.sku, f.place
           from api._found_products('[0,0.8,0.6]', 'breaks sledge claw drill', null, null, null, false, 2, %L) as f
           join retail.products as p on p.product_id = f.product_id
           where f.coverage is not null
           order by f.place $$,
        t.taken
    )),
    e'(NEW,1)\n(BITS,2)\n(DRILL,3)', t.name
)
from (
    values (true, 'what is near is placed among the words, whose own list is half as long'), (false, 'as it is anew')
) as t (taken, name);
create temporary table askers as
select a.name, pg_temp.found(a.name, null) as found
from unnest(array['sr-a', 'sr-region', 'sr-head']) as a (name);
create function pg_temp.differs(p_change text)
returns setof text
language plpgsql
as $function$
declare
    v_stores constant retail.search_stores[] := array(select s from retail.search_stores as s);
    v_copies constant retail.search_assortments[] := array(select a from retail.search_assortments as a);
begin
    execute p_change;
    return query
    select concat_ws(': ', p_change, a.name, t.taken, f.found)
    from askers as a
    cross join unnest(array[null, false]) as t (taken)
    cross join lateral pg_temp.found(a.name, t.taken) as f (found)
    where f.found <> a.found;
    delete from retail.search_regions;
    delete from retail.search_stores;
    insert into retail.search_stores select * from unnest(v_stores);
    delete from retail.search_assortments;
    insert into retail.search_assortments select * from unnest(v_copies);
end;
$function$;
create function pg_temp.differences()
returns setof text
language sql
as $function$
    select d.*
    from unnest(array['is not null', '= md5(''sr_a'')::uuid', '= md5(''sr_b'')::uuid']) as w (stores)
    cross join unnest(array[
        'update retail.search_stores set products = products where store_id %s',
        'update retail.search_stores set model_id = null where store_id %s',
        'update retail.search_stores set model_id = null, indexed = true, ef_search = 80 where store_id %s',
        'update retail.search_stores set indexed = true, ef_search = 80 where store_id %s',
        'update retail.search_stores set indexed = true, ef_search = 400 where store_id %s',
        'update retail.search_stores set indexed = false, products = 9999 where store_id %s',
        'update retail.search_stores set products = 9999 where store_id %s',
        'update retail.search_stores set sold = null, copied = false where store_id %s',
        'delete from retail.search_stores where %1$L = ''is not null''',
        'with a as (delete from retail.search_assortments where store_id %1$s)
         update retail.search_stores set copied = false where store_id %1$s',
        'with a as (delete from retail.search_assortments where store_id %1$s)
         update retail.search_stores set copied = false, products = 9999, indexed = true, ef_search = 100
         where store_id %1$s',
        'insert into retail.search_regions (region_id, store_id, model_id, indexed, ef_search)
         select api._region_id(array(select s.store_id from retail.search_stores as s order by s.store_id)),
             s.store_id, m.model_id, true, 200
         from retail.search_stores as s cross join retail.embedding_models as m
         where m.state = ''live'' and s.store_id %s'
    ]) as c (change)
    cross join lateral pg_temp.differs(format(c.change, w.stores)) as d;
$function$;
select is_empty(
    'select pg_temp.differences()', 'whatever became of what was taken up, the same is found as without it'
);
delete from retail.inventory as i
where (i.store_id, i.product_id) in (
    (md5('sr_a')::uuid, md5('bits')::uuid), (md5('sr_b')::uuid, md5('soil')::uuid)
);
update askers as a set found = pg_temp.found(a.name, false);
select is_empty(
    $$ select a.found from askers as a where a.found ~ 'SOIL|BITS' union all select pg_temp.differences() $$,
    'and nothing that is not sold any more'
);
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
values (md5('sr_a')::uuid, md5('bits')::uuid, 8, 1, 3), (md5('sr_b')::uuid, md5('soil')::uuid, 6, 1, 4);
select zava.refresh_search_assortments();
delete from retail.inventory as i where i.product_id = md5('mallet')::uuid;
select is(
    pg_temp.ask('sr-a', $$ select sku from api.similar_products('hammer') $$), e'(BITS)\n(DRILL)',
    'nor is anything alike that is not sold any more'
);
insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
values (md5('sr_a')::uuid, md5('mallet')::uuid, 12, 1, 0);
select zava.refresh_search_assortments();
-- One of the two sells all of the catalogue.
with sold as (
    insert into retail.inventory (store_id, product_id, price, unit_cost, stock_level)
    select md5('sr_b')::uuid, p.product_id, 9, 1, 0 from retail.products as p
    on conflict do nothing
    returning product_id
)
select array_agg(s.product_id) as more into temporary table besides from sold as s;
select zava.refresh_search_assortments();
select is(
    pg_temp.ask('sr-region', format($$ select p.sku, f.coverage is null
        from api._found_products('[0.6,0.8,0]', 'hammer drill soil', null, null, null, false, 10, %L) as f
        join retail.products as p on p.product_id = f.product_id
        order by p.sku, 2 $$, t.taken)),
    e'(BITS,f)\n(BITS,t)\n(DRILL,f)\n(DRILL,t)\n(HAMMER,f)\n(HAMMER,t)\n(MALLET,t)\n(NEW,f)\n(PEAT,t)\n(SOIL,f)\n(SOIL,t)',
    t.name
)
from (
    values (true, 'where a store sells all of the catalogue, all is found'), (false, 'as it is anew')
) as t (taken, name);
delete from retail.inventory as i
using besides as b
where i.store_id = md5('sr_b')::uuid and i.product_id = any (b.more);
select zava.refresh_search_assortments();
select is(
    pg_temp.ask('sr-head', $$ select sku, price, stock_level, in_stock_at from api.search_products('cordless', '[0,1,0]', p_limit => 1) $$),
    '(DRILL,88.00,2,sr_a)',
    'head office sees all stores'
);
select is(
    pg_temp.ask(null, $$ select sku from api.search_products('hammer', '[1,0,0]') $$), 'nothing',
    'no context, no product'
);

-- ---------------------------------------------------------------- article numbers

update retail.products as p
set sku = case p.sku when 'BITS' then 'HT-0001' when 'SOIL' then 'so.0002' else '14' end
where p.sku in ('BITS', 'SOIL', 'DRILL');
select is(pg_temp.ask(c.principal, c.call), c.answer, c.name)
from (
    values
        ('sr-a', $$ select sku, found_by, score from api.search_products('Have you ht-0001?') $$, '(HT-0001,sku,1.00000)', 'an article number is found among words, in any case'),
        ('sr-a', $$ select sku, found_by, similarity from api.search_products('peat, HT-0001.', '[0,0.8,0.6]', p_limit => 1) $$, '(HT-0001,sku,1.000)', 'and comes before all others'),
        ('sr-head', $$ select sku from api.search_products('so.0002') $$, '(so.0002)', 'written as it is kept'),
        ('sr-head', $$ select sku, found_by from api.search_products('is there So.0002?') where found_by = 'sku' $$, '(so.0002,sku)', 'or in any other case'),
        ('sr-head', $$ select count(*) from api.similar_products('SO.0002') $$, '(5)', 'wherever it is asked for'),
        ('sr-a', $$ select sku, found_by from api.search_products('HAMMER', p_limit => 1) $$, '(HAMMER,sku)', 'without a number it is the whole text, written so'),
        ('sr-a', $$ select q.q from (values ('“ht-0001”'), ('''HT-0001'''), ('`HT-0001`'), ('[HT-0001]'), ('sku=HT-0001'), ('HT-0001''s price'), (u&'HT\20110001'), ('HT-0002/HT-0001'), ('#HT-0001')) as q (q)
            where not exists (select from api.search_products(q.q) as s where s.found_by = 'sku') $$, 'nothing', 'in quotes and beside other signs too'),
        ('sr-a', $$ select sku, found_by, similarity from api.search_products('HT-0001', '[1,0,0]', p_min_similarity => 0.9) $$, e'(HT-0001,sku,0.000)\n(HAMMER,meaning,1.000)', 'however far the number itself is from the product'),
        ('sr-a', $$ select sku from api.search_products('so.0002') $$, 'nothing', 'for who sells it'),
        ('sr-a', $$ select sku, found_by from api.search_products('ht-0001', p_category => 'tools', p_min_price => 8, p_max_price => 8, p_in_stock => true) $$, '(HT-0001,sku)', 'under the filters'),
        ('sr-a', $$ select sku from api.search_products('ht-0001', p_max_price => 7.99) $$, 'nothing', 'not above the highest price'),
        ('sr-a', $$ select sku from api.search_products('ht-0001', p_min_price => 8.01) $$, 'nothing', 'nor below the lowest'),
        ('sr-a', $$ select sku from api.search_products('ht-0001', p_category => 'garden') $$, 'nothing', 'nor in another category'),
        ('sr-a', $$ select sku from api.search_products('MALLET', p_in_stock => true) $$, 'nothing', 'nor out of stock'),
        ('sr-a', $$ select sku, found_by from api.search_products('MALLET', p_in_stock => null) $$, '(MALLET,sku)', 'unless that is not asked for'),
        ('sr-a', $$ select sku from api.search_products('14') $$, 'nothing', 'a short number is a size')
) as c (principal, call, answer, name);
update retail.products as p
set sku = case p.sku when 'HT-0001' then 'BITS' when 'so.0002' then 'SOIL' else 'DRILL' end
where p.sku in ('HT-0001', 'so.0002', '14');

update retail.products as p set sku = 'hammer' where p.sku = 'MALLET';
select is(
    array[api._product_id(' hammer '), api._product_id('HAMMER')], array[md5('mallet')::uuid, md5('hammer')::uuid],
    'of two that differ in case alone it is the one that is written so'
);
update retail.products as p set sku = 'MALLET' where p.sku = 'hammer';

-- ---------------------------------------------------------------- bad input

select is(pg_temp.ask('sr-a', c.call), c.answer, c.name)
from (
    values
        ($$ select sku from api.search_products('  ') $$, 'error 22023: p_query is 0 characters long', 'an empty text is refused'),
        ($$ select sku from api.search_products(e'\t\r\n') $$, 'error 22023: p_query is 0 characters long', 'so is one of tabs and ends of lines'),
        ($$ select sku from api.search_products(u&'\00a0\200b\2003\3000\feff') $$, 'error 22023: p_query is 0 characters long', 'and one of spaces that are broad, do not break or are not seen'),
        ($$ select sku from api.search_products('x', p_min_price => 2, p_max_price => 1) $$, 'error 22023: p_min_price (2) is above p_max_price (1)', 'prices the wrong way round are refused'),
        ($$ select sku from api.search_products(null) $$, 'error 22023: p_query is 0 characters long', 'no text is refused'),
        ($$ select sku from api.search_products(repeat('x ', 50000)) $$, 'error 22023: p_query is 99999 characters long', '100 kB of text are refused'),
        ($$ select sku from api.search_products('x', '[1,0]') $$, 'error 22023: p_query_embedding has 2 dimensions, those of the live model test have 3', 'a vector of another model is refused'),
        ($$ select sku from api.search_products('x', '[0,0,0]') $$, 'error 22023: p_query_embedding has length zero', 'a vector without direction is refused'),
        ($$ select sku from api.search_products('x', '[NaN,0,0]') $$, 'error 22000: NaN not allowed in vector', 'NaN is no vector'),
        ($$ select sku from api.search_products('x', p_max_price => 'NaN') $$, 'error 22023: p_max_price out of range: NaN', 'NaN is no price'),
        ($$ select sku from api.search_products('x', p_limit => null) $$, 'error 22023: p_limit out of range: null', 'no limit is none'),
        ($$ select sku from api.search_products('x', p_limit => 101) $$, 'error 22023: p_limit out of range: 101', 'a limit has a limit'),
        ($$ select sku from api.search_products('x', p_limit => 2147483647) $$, 'error 22023: p_limit out of range: 2147483647', 'however far beyond it somebody asks'),
        ($$ select sku from api.search_products('x', p_category => 'tool') $$, 'error 22023: there is no category tool', 'an unknown category is refused')
) as c (call, answer, name);
select is(
    (
        select string_agg(format(c.call, v.value), ', ')
        from (
            values
                ($$search_products('x', p_limit => %s)$$, 1, 100),
                ($$search_products('x', p_min_price => %s)$$, 0, 1000000000),
                ($$search_products('x', p_max_price => %s)$$, 0, 1000000000),
                ($$search_products('x', p_min_similarity => %s)$$, -1, 1),
                ($$similar_products('hammer', p_limit => %s)$$, 1, 100),
                ($$cross_sell('hammer', p_limit => %s)$$, 1, 100),
                ($$cross_sell('hammer', p_min_orders => %s)$$, 1, 1000000),
                ($$trending_products(p_limit => %s)$$, 1, 100),
                ($$trending_products(p_days => %s)$$, 1, 365),
                ($$trending_products(p_baseline_days => %s)$$, 1, 730),
                ($$recommend_for_customer(md5('ann')::uuid, p_limit => %s)$$, 1, 100)
        ) as c (call, lowest, highest)
        cross join lateral (
            values (c.lowest - 1, true), (c.lowest, false), (c.highest, false), (c.highest + 1, true)
        ) as v (value, is_refused)
        where v.is_refused <> (
            pg_temp.ask('sr-head', format('select from api.' || c.call, v.value)) like 'error 22023: p_% out of range: %'
        )
    ),
    null, 'what is out of range is refused, the last number within is not'
);
select is(
    pg_temp.ask('sr-a', format($$ select count(*) from api.search_products(repeat('x', %s)) $$, c.number)), c.answer, c.name
)
from (
    values (1000, '(0)', 'a text of 1,000 characters is taken'),
        (1001, 'error 22023: p_query is 1001 characters long', 'a longer one is not')
) as c (number, answer, name);

-- ---------------------------------------------------------------- recommendations

select is(
    pg_temp.ask('sr-a', $$ select rank, sku, similarity, why from api.similar_products('hammer', p_limit => 2) $$),
    e'(1,MALLET,0.800,"also in Hammers; 2.00 USD dearer")\n(2,BITS,0.000,"Drills, also in Tools; 2.00 USD cheaper")',
    'what is like a product, without it'
);
select is(
    pg_temp.ask('sr-a', format($$ select sku from api.similar_products(%L, %s, 1) $$, c.sku, c.in_stock)), c.answer, c.name
)
from (
    values ('hammer', 'true', '(BITS)', 'only what is in stock, where that is asked for'),
        ('hammer', 'null', '(MALLET)', 'else all'),
        ('peat', 'false', '(BITS)', 'of what it does not sell itself no more than asked for either')
) as c (sku, in_stock, answer, name);
select is(
    pg_temp.ask('sr-a', $$ select sku, why from api.similar_products('soil', p_limit => 1) $$),
    '(BITS,"Drills in Tools")', 'what has no price here is no dearer, and what has nothing in common shares nothing'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, why from api.similar_products('NEW') $$),
    '(HAMMER,"also in Hammers; 20.00 USD cheaper; found by words, it has no embedding yet")',
    'a product without a vector is compared by its name'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, orders_together, support_percent, confidence_percent, lift, why from api.cross_sell('hammer') $$),
    '(DRILL,2,40.00,66.67,1.67,"in 2 of the 3 orders with it; 1.20 would be chance")',
    'what is bought together in the store; returns, cancelled orders and single orders aside'
);
select is(
    pg_temp.ask('sr-a', format($$ select sku, category from api.cross_sell('hammer', p_min_orders => 1, p_limit => %s) $$, c.most)),
    c.answer, 'what is bought together most often beyond chance comes first, and no more than asked for'
)
from (values (1, '(DRILL,Tools)'), (2, e'(DRILL,Tools)\n(BITS,Tools)')) as c (most, answer);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.cross_sell('soil', p_min_orders => 1) $$), 'nothing',
    'nobody sees what is bought together elsewhere'
);
select is(
    pg_temp.ask('sr-head', $$ select sku, orders_together from api.cross_sell('hammer', 'sr_b') $$),
    '(SOIL,2)',
    'head office narrows it to a store'
);
select is(
    pg_temp.ask('sr-head', $$ select sku, price, stock_level, in_stock_at from api.cross_sell('hammer', 'sr_a') $$),
    '(DRILL,99.00,2,sr_a)',
    'with the price and the stock of that store'
);
select is(
    pg_temp.ask('sr-head', $$ select sku, price, stock_level, in_stock_at from api.trending_products('sr_b') where sku = 'HAMMER' $$),
    '(HAMMER,77.00,7,sr_b)',
    'as what sells there has'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.cross_sell('hammer', 'sr_b') $$),
    'error 42501: store sr_b is not visible to you',
    'a store of somebody else is refused'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, units, orders, expected_orders, growth_percent, why from api.trending_products() $$),
    e'(NEW,50,1,0.0,,"1 orders in 28 days, 0 in the 84 before")\n(MALLET,1,1,0.0,,"1 orders in 28 days, 0 in the 84 before")',
    'what is in more orders than before'
);
select is(
    pg_temp.ask('sr-region', format(
        $$ select sku, category, units, orders, expected_orders, growth_percent, trend_score
           from api.trending_products(p_to => '2026-03-06', p_days => 3, p_baseline_days => 6%s) where sku <> 'MALLET' $$,
        c.arguments
    )),
    c.answer, c.name
)
from (
    values
        ('', e'(SOIL,Garden,2,2,0.0,,2.00)\n(PEAT,Garden,3,1,0.0,,1.00)\n(HAMMER,Tools,2,2,1.5,33.33,0.32)', 'an order counts once, a return not, and nothing after the last day'),
        ($$, p_category => 'garden'$$, e'(SOIL,Garden,2,2,0.0,,2.00)\n(PEAT,Garden,3,1,0.0,,1.00)', 'of one category'),
        ($$, p_store => 'sr_b', p_category => 'tools'$$, '(HAMMER,Tools,2,2,0.0,,2.00)', 'of one store'),
        (', p_limit => 1', '(SOIL,Garden,2,2,0.0,,2.00)', 'no more than asked for')
) as c (arguments, answer, name);
select is(
    pg_temp.ask('sr-a', $$ select sku, why from api.recommend_for_customer(md5('ann')::uuid, false) $$),
    e'(DRILL,"bought with Claw Hammer, 1.67 times as often as by chance; like Drill Bits")\n(MALLET,"like Claw Hammer")',
    'a customer is offered what goes with the purchases and what is like them'
);
select is(
    pg_temp.ask('sr-a', $$ select sku, why from api.recommend_for_customer(md5('eve')::uuid, p_limit => 1) $$),
    '(HAMMER,"in 3 orders of the last 90 days; no purchase is known")',
    'who has bought nothing is offered what many buy'
);
select is(
    pg_temp.ask('sr-a', $$ select sku from api.recommend_for_customer(md5('cid')::uuid) $$),
    format('error 42501: customer %s is not visible to you', md5('cid')::uuid),
    'a customer of another store is refused'
);
-- One more day than 90, and what is as much like one purchase as like the other.
truncate lines;
insert into lines
values ('sr_a', null::text, 20, '2025-12-31 12:00-08'::timestamptz, 'completed', 'mallet', 1, 10, 6, null::integer),
    ('sr_a', 'gus', 21, '2026-03-10 12:00-08', 'completed', 'bits', 1, 10, 6, null),
    ('sr_a', 'gus', 22, '2026-03-12 12:00-08', 'completed', 'peat', 1, 10, 6, null);
update lines as l
set moment = l.moment + interval '3 days'
where l.number in (21, 22) and md5(l.product)::uuid = greatest(md5('bits')::uuid, md5('peat')::uuid);
select pg_temp.sell();
select is(
    pg_temp.ask('sr-a', $$ select why from api.recommend_for_customer(md5('eve')::uuid, false) where sku = 'MALLET' $$),
    '("in 1 orders of the last 90 days; no purchase is known")',
    'what is older than 90 days does not count'
);
select is(
    pg_temp.ask('sr-a', $$ select substring(why from 'like .*') from api.recommend_for_customer(md5('gus')::uuid, false) where sku = 'HAMMER' $$),
    format('("like %s")', case when md5('bits')::uuid < md5('peat')::uuid then 'Drill Bits' else 'Peat' end),
    'of equal reasons always the same one is told'
);
insert into retail.customers (store_id, customer_id, first_name, last_name, email, city, joined_on)
select md5(s.store)::uuid, md5('two')::uuid, 'Two', 'Test', 'two@example.com', 'Seattle', '2020-01-01'
from (values ('sr_a'), ('sr_b')) as s (store)
order by md5(s.store)::uuid desc;
select is(
    pg_temp.ask('sr-head', $$ select price from api.recommend_for_customer(md5('two')::uuid) where sku = 'HAMMER' $$),
    case when md5('sr_a')::uuid < md5('sr_b')::uuid then '(10.00)' else '(77.00)' end,
    'of two stores with a customer of one id it is always the same'
);

update retail.inventory as i set stock_level = 0 where i.store_id = md5('sr_a')::uuid;
select is(
    pg_temp.ask('sr-region', format($$ select sku from api.recommend_for_customer(md5(%L)::uuid) $$, c.customer)), 'nothing',
    'where nothing is in stock nothing is offered, least of all what the customer has: ' || c.customer
)
from (values ('ann'), ('eve')) as c (customer);

-- ---------------------------------------------------------------- effort

-- Whoever is to follow the index says instead how far it would have gone.
create or replace function api._index_products(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
)
returns table (product_id uuid, similarity real)
language plpgsql
as $function$
begin
    raise exception 'effort %', current_setting('hnsw.ef_search');
end;
$function$;
create function pg_temp.effort(p_ef_search integer)
returns text
language plpgsql
as $function$
begin
    delete from retail.search_recall;
    insert into retail.search_recall (model_id, ef_search, recall, products)
    select m.model_id, p_ef_search, 1, 7 from retail.embedding_models as m where m.state = 'live';
    return pg_temp.ask(
        'sr-head', $$ select from api._nearest_products('[1,0,0]', null, null, null, null, false, 10) $$
    );
end;
$function$;
select is(
    pg_temp.effort(e.ef_search[1]::integer), format('error P0001: effort %s', e.ef_search[1]),
    format('an index that needs an effort of %s is searched with that', e.ef_search[1])
)
from pg_catalog.pg_constraint as c
cross join lateral regexp_matches(pg_get_constraintdef(c.oid), '\d+', 'g') as e (ef_search)
where c.conname = 'search_recall_ef_search_check';
delete from retail.search_recall;
select is(
    pg_temp.ask('sr-head', format(
        'select from api._nearest_products(''[1,0,0]'', null, %s, false, 10)', f.filters
    )),
    format('error P0001: effort %s', f.effort),
    f.name
)
from (
    values
        ('md5(''tools'')::uuid, null, null', 400, 'what a category leaves is searched with the most effort'),
        ('null, null, 9', 400, 'so is what a price leaves')
) as f (filters, effort, name);

set local lock_timeout = '7s';
select is(
    array[zava.index_search_assortments()::text, current_setting('lock_timeout')], array['false', '7s'],
    'who drops indexes of no use waits as long for others afterwards as before'
);

-- ---------------------------------------------------------------- what is sold in a category

-- How often inventory is scanned tells which way it was read: for each product, or for each store, of
-- which PostgreSQL 16 counts one for each store in the fence.
create function pg_temp.scans()
returns bigint
language sql
return (
    select t.seq_scan + t.idx_scan
    from pg_catalog.pg_stat_xact_user_tables as t
    where t.relid = 'retail.inventory'::regclass
);
create function pg_temp.scans_of(p_name text, p_counted integer[])
returns bigint
language plpgsql
as $function$
declare
    v_before bigint;
begin
    delete from retail.search_stores;
    insert into retail.search_stores (store_id, products)
    select md5(c.store)::uuid, c.products
    from unnest(array['sr_a', 'sr_b'], p_counted) as c (store, products)
    where c.products is not null;
    v_before := pg_temp.scans();
    perform pg_temp.ask(
        p_name, $$ select api._sold_products(md5('tools')::uuid, null, null, false) $$
    );
    return pg_temp.scans() - v_before;
end;
$function$;
select is(pg_temp.scans_of(c.name, c.counted) >= p.products, c.is_by_product, c.way)
from (select count(*) as products from retail.products as p where p.category_id = md5('tools')::uuid) as p
cross join (select 2 * f.products as few from api._few() as f) as f
cross join lateral (
    values
        ('sr-a', array[f.few], false, 'where a store sold few its products are read at once'),
        ('sr-a', array[f.few + 1], true, 'where it sold more, only those of the category are looked up'),
        ('sr-a', array[f.few, 1], false, 'what others sold does not count'),
        ('sr-a', array[]::integer[], true, 'what nobody has counted may be many'),
        ('sr-region', array[f.few - 1, 1], false, 'of few in all each store is read'),
        ('sr-region', array[f.few, 1], true, 'of more in all each product is looked up once')
) as c (name, counted, is_by_product, way);

select is(
    pg_temp.ask('sr-region', format(
        $$ select cardinality(api._sold_products(%1$s, false, %2$s)),
            cardinality(api._sold_products(%1$s, false, %2$s - 1)) $$,
        f.filters, f.sold
    )),
    format('(%s,)', f.sold), 'what is sold is given if it is few, else nothing: ' || f.name
)
from (
    select f.name, f.filters, count(distinct i.product_id) as sold
    from (
        values
            ('all', 'null, null, null', null, 0),
            ('of a category', 'md5(''tools'')::uuid, null, null', md5('tools')::uuid, 0),
            ('from a price on', 'null, 9, null', null, 9)
    ) as f (name, filters, category_id, price)
    cross join retail.inventory as i
    join retail.products as p on p.product_id = i.product_id
    where i.price >= f.price and p.category_id = coalesce(f.category_id, p.category_id)
        and i.store_id in (md5('sr_a')::uuid, md5('sr_b')::uuid)
    group by f.name, f.filters
) as f;
create or replace function api._few()
returns table (model_id smallint, products integer, copied integer, ef_search integer)
language sql
rows 1
return (1::smallint, 2, 2, 80);
select is(
    pg_temp.ask('sr-a', 'select api._sold_products(null, null, null, false) is null'), '(t)',
    'what is few is said by api._few(), unless the caller says'
);

select finish();
rollback;
