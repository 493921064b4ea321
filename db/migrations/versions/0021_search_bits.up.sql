-- 0021 search bits.
set local lock_timeout = '3s';
set local role zava_owner;

-- PostgreSQL lets a function set hnsw.* only once the extension's library is loaded, which the first
-- vector of a session does; and the extension's types must be found by their names alone.
do $vectors$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    execute format('set local search_path = public, %I', v_schema);
    execute format('select %L::%I.vector', '[1]', v_schema);
end
$vectors$;

-- What a store sells is marked as taken up for search, so that a new row shows without a look at the others.
alter table retail.inventory
    add column in_search boolean not null default false;
comment on column retail.inventory.in_search is
    'Whether search has taken the product up; kept by zava.refresh_search_assortments().';
-- squawk-ignore require-concurrent-index-creation
create index inventory_in_search_idx on retail.inventory (store_id) where not in_search;

create table retail.search_numbers (
    number integer not null,
    product_id uuid not null,
    search_words tsvector not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_numbers_pkey primary key (number),
    constraint search_numbers_number_check check (number > 0)
);
comment on table retail.search_numbers is
    'Products of the catalogue by a number, the short texts first; bits of search are by these numbers.';
comment on column retail.search_numbers.search_words is 'Words of name (A) and description (B).';
grant select on retail.search_numbers to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_numbers to zava_writer;

create table retail.search_lexemes (
    lexeme text not null,
    products integer not null,
    weight numeric(6, 3) not null,
    places bit varying,
    named bit varying,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_lexemes_pkey primary key (lexeme),
    constraint search_lexemes_products_check check (products > 0),
    constraint search_lexemes_weight_check check (weight >= 0)
);
comment on table retail.search_lexemes is 'In which products of the catalogue each word is.';
comment on column retail.search_lexemes.products is 'In how many products it is.';
comment on column retail.search_lexemes.weight is
    'What it says of a product that it has the lexeme: the rarer the more.';
comment on column retail.search_lexemes.places is
    'A bit for each number of a product: whether its texts have the lexeme.';
comment on column retail.search_lexemes.named is
    'A bit for each number of a product: whether its name has the lexeme.';
grant select on retail.search_lexemes to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_lexemes to zava_writer;
insert into retail.search_lexemes (lexeme, products, weight)
select distinct on (w.lexeme) w.lexeme, w.products, w.weight
from retail.search_words as w
order by w.lexeme;
-- squawk-ignore require-concurrent-index-deletion
drop index retail.search_words_lexeme_idx;

-- Copies can be made again at any time.
-- squawk-ignore ban-drop-column
alter table retail.search_assortments drop column search_words;
-- squawk-ignore ban-drop-column
alter table retail.search_stores drop column print;
alter table retail.search_stores
    add column sold bit varying,
    add column copied boolean not null default false,
    add column indexed boolean,
    -- Bits that are spread evenly become no smaller, and are read sooner as they are.
    alter column sold set storage external;
comment on table retail.search_stores is
    'How many products a store sold when search was refreshed, and which.';
comment on column retail.search_stores.copied is
    'Whether the vectors of what it sells are in retail.search_assortments.';
comment on column retail.search_stores.indexed is
    'Whether these have an index that finds enough; null when that was not tried.';
comment on column retail.search_stores.sold is
    'A bit for each number in retail.search_numbers: whether the store sells it; null when it is to be counted.';

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._sold_print(uuid, uuid);
drop function api._asked_words(text);
drop function api._query_words(text);
drop function api._few();
drop function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
   ;
drop function api._matching_copied(text, bigint, integer);
drop function api._nearest_copied(vector, bigint, integer);

-- removed: db/functions/search/_sold_print.sql

-- source: db/functions/search/_query_words.sql
-- api._query_words(): the words of a search, each with what it is worth. Not a tool.
-- The rarer a word is in the catalogue, the more it says. A word that no product has is repaired by
-- the spelling that is nearest to it; if there is none it stays, so that a question of many such
-- words covers little of any product. Where a word is found is not read unless the caller uses it.
create or replace function api._query_words(
    p_query text
)
returns table (lexeme text, repaired text, weight numeric, products integer, places bit varying)
language sql
stable
parallel restricted
security invoker
rows 5
begin atomic
    select l.lexeme, r.lexeme,
        coalesce(d.weight, 0.8 * r.weight, max(d.weight) over (), 1),
        coalesce(d.products, r.products, 0), coalesce(d.places, r.places)
    from (
        select u.lexeme
        from unnest(to_tsvector('pg_catalog.english', p_query)) as u
        order by u.positions[1]
        limit 32
    ) as l
    left join lateral (
        select k.weight, k.products, k.places
        from retail.search_lexemes as k
        where k.lexeme = l.lexeme
        offset 0
    ) as d on true
    left join lateral (
        select k.lexeme, k.weight, k.products, k.places
        from (
            select min(w.lexeme) as word
            from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
            where d.weight is null
                and l.lexeme = any (tsvector_to_array(to_tsvector('pg_catalog.english', w.lexeme)))
            having min(w.lexeme) is not null
        ) as s
        cross join lateral api._nearest_word(s.word) as n
        cross join lateral (
            select k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = n.lexeme
            offset 0
        ) as k
    ) as r on true;
end;

comment on function api._query_words(text) is
    'Words of a search, the spelling that an unknown one is taken for, what each is worth, in how many products it is, and in which, a bit for each number in retail.search_numbers.

p_query: text of the search';
revoke execute on function api._query_words(text) from public;
grant execute on function api._query_words(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_asked_words.sql
-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words.
create or replace function api._asked_words(
    p_query text
)
returns table (
    words tsquery[],
    weights real[],
    products integer[],
    any_word tsquery,
    total real,
    lexemes text[],
    places varbit[]
)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    with asked as (
        select api._word_query(q.lexeme) || api._word_query(q.repaired) as query,
            coalesce(q.repaired, q.lexeme) as lexeme, q.weight, q.products, q.places,
            row_number() over (order by q.weight desc, q.lexeme) as place
        from api._query_words(p_query) as q
    )
    select
        array_agg(a.query order by a.place) filter (where a.place <= 12),
        array_agg(a.weight::real order by a.place) filter (where a.place <= 12),
        array_agg(a.products order by a.place) filter (where a.place <= 12),
        string_agg(a.query::text, ' | ') filter (where a.place <= 12)::tsquery,
        sum(a.weight) * (
            select count(*)::numeric / nullif(
                count(*) filter (where to_tsvector('pg_catalog.english', w.lexeme) <> ''), 0
            )
            from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
        ),
        array_agg(a.lexeme order by a.place) filter (where a.place <= 12),
        array_agg(a.places order by a.place) filter (where a.place <= 12)
    from asked as a;
end;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth; the words as they are in the catalogue, and in which products each is. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_few.sql
-- api._few(): how many products a search compares one by one, rather than look them up by the index of
-- all, which finds too little of what is rare: one in 25 of the catalogue; and of how many of a store
-- copies are made, with an index of their own (zava.refresh_search_assortments()): half of it. Not a tool.
-- A table, for that becomes a part of the statement that asks.
create or replace function api._few()
returns table (model_id smallint, products integer, copied integer)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    select
        max(m.model_id),
        coalesce(max(greatest(1500, coalesce(r.products, 100000) / 25)), 4000),
        coalesce(max(greatest(1500, coalesce(r.products, 8000) / 2)), 4000)
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';
end;

comment on function api._few() is
    'The live model; up to how many products a search compares one by one; and up to how many are copied.';
revoke execute on function api._few() from public;
grant execute on function api._few() to store_manager, regional_manager, head_office;

-- source: db/functions/search/_first_places.sql
-- api._first_places(): the places of the first bits that are set. Not a tool. The text of the bits is
-- split at each one, so that the zeros between are skipped and not looked at one by one. Of many bits
-- only as much is split as holds twice what is asked for, if they are spread evenly. A table, for that
-- becomes a part of the statement that asks.
create or replace function api._first_places(
    p_bits bit varying,
    p_limit integer
)
returns table (place integer)
language sql
stable
parallel safe
security invoker
rows 20
begin atomic
    select (sum(octet_length(g.gap) + 1) over (rows unbounded preceding))::integer
    from (
        select h.number,
            case
                when bit_count(h.head) < least(h.number, p_limit) then p_bits
                else h.head
            end as bits
        from (
            select c.number,
                substring(
                    p_bits for least(
                        length(p_bits), 64 + 2 * p_limit * (length(p_bits) / greatest(c.number, 1))
                    )::integer
                ) as head
            from (select bit_count(p_bits) as number offset 0) as c
            offset 0
        ) as h
        offset 0
    ) as b
    cross join lateral unnest(string_to_array(b.bits::text, '1')) as g (gap)
    limit least(p_limit, bit_count(p_bits));
end;

comment on function api._first_places(bit varying, integer) is
    'Places of the first ones in a string of bits, from 1.

p_bits: the bits
p_limit: how many places';
revoke execute on function api._first_places(bit varying, integer) from public;
grant execute on function api._first_places(bit varying, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_found_products.sql
-- api._found_products(): the two lists of a search, by meaning and by words, with what the caller's stores
-- ask for each product and have of it. Not a tool. Whatever the caller sells is searched the quickest way
-- that finds it. Without filters that is what zava.refresh_search_assortments() took up: words by their
-- bits, vectors in copies of a store's own, or in
-- the index of all for head office and others with several stores that sell much of the catalogue.
-- What was taken up may have changed. A row of retail.inventory is marked when it is taken up, so that a
-- new one shows; and each product found is looked up there, so that one which is gone shows. In both
-- cases nothing that was taken up is used, but all looked for anew.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (
    product_id uuid,
    place bigint,
    similarity real,
    coverage real,
    price numeric,
    stock_level bigint,
    in_stock_at text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_few constant integer := (select f.products from api._few() as f);
    v_products bigint;
    v_largest integer;
    v_stores bigint;
    v_indexed uuid[];
    v_compared bigint;
    v_sold bit varying;
    v_effort integer;
    v_nearest integer;
    v_is_copied boolean;
    v_is_of_all boolean := false;
    v_is_taken boolean := false;
    v_among uuid[];
    v_near uuid[];
    v_similarity real[];
    v_match uuid[];
    v_coverage real[];
    v_offered uuid[];
    v_prices numeric[];
    v_stock bigint[];
    v_in_stock_at text[];
begin
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and p_in_stock is not true then
        select sum(s.products), max(s.products), count(*),
            array_agg(s.store_id) filter (where s.indexed),
            coalesce(sum(s.products) filter (where s.indexed is not true), 0),
            bit_or(s.sold), max(r.ef_search), bool_and(s.copied),
            bool_and(s.sold is not null and s.model_id is not distinct from m.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_stores, v_indexed, v_compared, v_sold, v_effort,
            v_is_copied, v_is_taken
        from retail.search_stores as s
        left join retail.embedding_models as m on m.state = 'live'
        left join retail.search_recall as r on r.model_id = m.model_id;
        -- A quarter more than hold enough of what is sold, if that is spread evenly.
        v_nearest := ceil(1.25 * (p_limit + 5) * length(v_sold) / nullif(bit_count(v_sold), 0));
    end if;

    loop
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true then
            v_among := api._sold_products(p_category_id, p_min_price, p_max_price, p_in_stock);
        end if;
        if p_embedding is null then
            null;
        elsif v_is_taken and v_is_copied and v_compared <= v_few
            and (v_compared = v_products or v_stores = 1 or v_products <= length(v_sold) / 10)
        then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_stores, v_indexed, p_limit) as n;
        elsif v_is_taken and v_effort = 100 and v_nearest <= 100 then
            v_is_of_all := true;
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_of_all(p_embedding, v_nearest) as n;
        else
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_products(
                p_embedding, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
            ) as n;
        end if;
        if p_query is not null then
            if v_is_taken then
                select array_agg(m.product_id), array_agg(m.coverage)
                into v_match, v_coverage
                from api._matching_copied(p_query, v_sold, p_limit) as m;
            else
                select array_agg(m.product_id), array_agg(m.coverage)
                into v_match, v_coverage
                from api._matching_products(
                    p_query, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                    least(v_largest / (25.0 * v_few), 1)::real
                ) as m;
            end if;
        end if;

        select array_agg(o.product_id), array_agg(o.price), array_agg(o.stock_level),
            array_agg(o.in_stock_at)
        into v_offered, v_prices, v_stock, v_in_stock_at
        from (
            select i.product_id, min(i.price) as price, sum(i.stock_level) as stock_level,
                string_agg(s.store_key, ', ' order by s.store_key) filter (where i.stock_level > 0)
                    as in_stock_at
            from retail.inventory as i
            join retail.stores as s on s.store_id = i.store_id
            where i.product_id = any (v_near || v_match)
            group by i.product_id
        ) as o;
        if v_is_of_all then
            v_is_of_all := false;
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from (
                select u.product_id, u.similarity
                from unnest(v_near, v_similarity) with ordinality as u (product_id, similarity, place)
                where u.product_id = any (v_offered)
                order by u.place
                limit p_limit
            ) as n;
            if coalesce(cardinality(v_near), 0) < p_limit then
                v_is_taken := false;
                continue;
            end if;
        end if;
        exit when v_is_taken is not true
            or coalesce((v_near || v_match) <@ v_offered, v_near || v_match is null);
        v_is_taken := false;
    end loop;

    return query
    select f.product_id, f.place, f.similarity, f.coverage, o.price, o.stock_level, o.in_stock_at
    from (
        select n.product_id, n.place, n.similarity, null::real as coverage
        from unnest(v_near, v_similarity) with ordinality as n (product_id, similarity, place)
        union all
        select m.product_id, m.place, null, m.coverage
        from unnest(v_match, v_coverage) with ordinality as m (product_id, coverage, place)
    ) as f
    join unnest(v_offered, v_prices, v_stock, v_in_stock_at)
        as o (product_id, price, stock_level, in_stock_at)
        on o.product_id = f.product_id;
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists. price: the lowest of the caller''s stores; stock_level: pieces in all of them; in_stock_at: those that have some.

p_embedding: the vector, of length 1 and of the live model; null for words only
p_query: the text; null for meaning only
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products in each list';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products.sql
-- api._index_products(): follows the index of the live model from near to far until enough products
-- are found that the caller's stores sell; row-level security decides about each on the way. Not a
-- tool. Settings belong to the function, for a tenant cannot set any: an iterative scan goes on where
-- a plain one would stop with too few, and who may not sort has to follow the index. Each costs more
-- time than to look at many rows, so that there is none without need. hnsw.ef_search is its caller's.
-- The model's number and length are written into the statement, so that a plan touches its partition
-- and its index alone.
-- PostgreSQL knows hnsw.* once the extension is loaded, as it is by the default of a parameter of
-- api._checked_embedding(), which is created before this.
create or replace function api._index_products(
    p_embedding vector,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.iterative_scan = relaxed_order
set hnsw.max_scan_tuples = 40000
set enable_sort = off
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_model record;
begin
    select m.model_id, m.dimensions, n.nspname as schema
    into v_model
    from retail.embedding_models as m
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.state = 'live' and e.extname = 'vector';

    return query execute format(
        'select x.product_id, -x.distance::real
        from (
            select e.product_id,
                e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) $1::%1$I.halfvec(%3$s)
                    as distance
            from retail.product_embeddings as e
            where e.model_id = %2$s
                and exists (select from %4$s and i.product_id = e.product_id)
            order by distance
            limit $2
        ) as x
        order by x.distance, x.product_id',
        v_model.schema, v_model.model_id, v_model.dimensions,
        api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
    )
    using p_embedding, p_limit;
end;
$function$;

comment on function api._index_products(vector, uuid, numeric, numeric, boolean, integer) is
    'Products nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_copied.sql
-- api._matching_copied(): the products that have most of the words of a search, by what was counted when
-- search was refreshed. Not a tool. A word has a bit for each product of the catalogue, and so has what
-- the caller sells: combinations of the six rarest words are looked for, the best first, until there are
-- enough products or none is left; the other words come last. No product is read but those that are best.
-- Among equals, of which there may be thousands, those that have the words in their names go first, then
-- those of the shortest texts, which have the lowest numbers.
create or replace function api._matching_copied(
    p_query text,
    p_sold bit varying,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_queries tsquery[];
    v_weights real[];
    v_any_word tsquery;
    v_total real;
    v_lexemes text[];
    v_places bit varying[];
    v_words integer;
    v_set integer;
    -- As it comes from a table, it would be fetched anew each time that it is used.
    v_sold constant bit varying := p_sold & p_sold;
    v_left bit varying := v_sold;
    v_hit bit varying;
    v_hits bigint;
    v_room bigint := p_limit;
    v_named bit varying;
    v_some bit varying;
begin
    select a.words, a.weights, a.any_word, a.total, a.lexemes, a.places
    into v_queries, v_weights, v_any_word, v_total, v_lexemes, v_places
    from api._asked_words(p_query) as a;
    v_words := least(cardinality(v_places), 6);

    for v_set in
        select s.chosen
        from generate_series(1, (1 << v_words) - 1) as s (chosen)
        order by v_weights[1] * (s.chosen & 1)
            + coalesce(v_weights[2] * (s.chosen >> 1 & 1), 0)
            + coalesce(v_weights[3] * (s.chosen >> 2 & 1), 0)
            + coalesce(v_weights[4] * (s.chosen >> 3 & 1), 0)
            + coalesce(v_weights[5] * (s.chosen >> 4 & 1), 0)
            + coalesce(v_weights[6] * (s.chosen >> 5), 0) desc
    loop
        v_hit := v_left;
        for v_word in 1 .. v_words loop
            if v_set >> (v_word - 1) & 1 = 1 then
                v_hit := v_hit & v_places[v_word];
            end if;
        end loop;
        v_hits := coalesce(bit_count(v_hit), 0);
        continue when v_hits = 0;

        if v_hits > v_room then
            v_named := (
                select v_hit & bit_and(l.named)
                from unnest(v_lexemes[: v_words]) with ordinality as w (lexeme, place)
                join retail.search_lexemes as l on l.lexeme = w.lexeme
                where v_set >> (w.place - 1)::integer & 1 = 1
            );
            v_some := v_hit # v_named;
            exit;
        end if;
        v_room := v_room - v_hits;
        v_left := v_left # v_hit;
        exit when v_room = 0;
    end loop;
    if v_some is null and cardinality(v_places) > 6 then
        v_some := v_left & (select bit_or(w.places) from unnest(v_places[7:]) as w (places));
    end if;

    return query
    select w.product_id, (w.worth / v_total)::real
    from (
        select n.product_id, n.search_words,
            api._worth(n.search_words, v_queries, v_weights) as worth
        from retail.search_numbers as n
        where n.number = any (array(
            select p.place
            from unnest(
                array[v_sold # v_left, v_named, v_some],
                array[p_limit, v_room, v_room - coalesce(bit_count(v_named), 0)]
            ) as f (bits, room)
            cross join lateral api._first_places(f.bits, f.room::integer) as p
            where f.room > 0 and bit_count(f.bits) > 0
        ))
    ) as w
    order by w.worth desc, ts_rank(w.search_words, v_any_word, 1) desc, w.product_id
    limit p_limit;
end;
$function$;

comment on function api._matching_copied(text, bit varying, integer) is
    'Of products given by their numbers in retail.search_numbers those that share most words with a search, with the share of its worth.

p_query: text of the search
p_sold: a bit for each number
p_limit: number of products';
revoke execute on function api._matching_copied(text, bit varying, integer) from public;
grant execute on function api._matching_copied(text, bit varying, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied.sql
-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores. Not
-- a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level security
-- decides what is read; api._found_products() has seen that the copies are complete and of the live model.
-- Stores that sell few have all theirs compared; each of the others has an index, which PostgreSQL only
-- knows to be right by a condition that is written out. What several sell is there several times.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_stores bigint,
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set hnsw.ef_search = 40
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_facts record;
begin
    if p_indexed is null then
        return query
        select distinct on (n.similarity, n.product_id) n.product_id, n.similarity
        from (
            select c.product_id, c.similarity
            from (
                select a.product_id, api._similarity(a.embedding, v_unit) as similarity
                from retail.search_assortments as a
                offset 0
            ) as c
            order by c.similarity desc nulls last, c.product_id
            limit p_limit * p_stores
        ) as n
        where n.similarity is not null
        order by n.similarity desc, n.product_id
        limit p_limit;
        return;
    end if;
    select m.model_id, m.dimensions, n.nspname as schema
    into v_facts
    from retail.embedding_models as m
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.state = 'live' and e.extname = 'vector';
    return query execute (
        select 'select u.product_id, -min(u.distance)::real from ('
            || string_agg(
                format(
                    '(select a.product_id,
                        a.embedding::%1$I.halfvec(%2$s) operator(%1$I.<#>) $1::%1$I.halfvec(%2$s)
                            as distance
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by distance
                    limit $2)',
                    v_facts.schema, v_facts.dimensions, v_facts.model_id, i.store_id
                ),
                ' union all '
            )
            || case
                when cardinality(p_indexed) < p_stores then format(
                    ' union all (select a.product_id, (a.embedding operator(%1$I.<#>) $1) + 0 as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * $4)',
                    v_facts.schema
                )
                else ''
            end
            || ') as u where u.distance is not null group by u.product_id order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
    )
    using v_unit, p_limit, array(
        select s.store_id from retail.search_stores as s where s.store_id <> all (p_indexed)
    ), p_stores;
end;
$function$;

comment on function api._nearest_copied(vector, bigint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_stores: number of the stores
p_indexed: those whose copies have an index
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, bigint, uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, bigint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_of_all.sql
-- api._nearest_of_all(): the products of the catalogue that are nearest to a vector, whoever sells them, by
-- the index of the live model. Not a tool: api._found_products() leaves of them what the caller sells, where
-- that is much. No table of a store is read.
create or replace function api._nearest_of_all(
    p_embedding vector,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_model record;
begin
    select m.model_id, m.dimensions, n.nspname as schema
    into v_model
    from retail.embedding_models as m
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.state = 'live' and e.extname = 'vector';

    return query execute format(
        'select x.product_id, -x.distance::real
        from (
            select e.product_id,
                e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) $1::%1$I.halfvec(%3$s)
                    as distance
            from retail.product_embeddings as e
            where e.model_id = %2$s
            order by distance
            limit %4$s
        ) as x
        order by x.distance, x.product_id',
        v_model.schema, v_model.model_id, v_model.dimensions, p_limit
    )
    using p_embedding;
end;
$function$;

comment on function api._nearest_of_all(vector, integer) is
    'Products of the whole catalogue nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_limit: number of products, up to 100';
revoke execute on function api._nearest_of_all(vector, integer) from public;
grant execute on function api._nearest_of_all(vector, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_words.sql
-- zava.refresh_search_words(): brings retail.search_words in line with the catalogue: every word of
-- its texts, the lexeme that search looks for, and what that is worth (the idf of BM25). Run by the
-- administrator when products were added or rewritten, and by zava-sql embed; not a tool.
-- What stores sell is taken up anew as well. Search works on without it, with older weights, and does
-- not repair towards words not seen yet.
create or replace function zava.refresh_search_words()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_changed bigint;
begin
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_words'));

    with found as materialized (
        select distinct w.lexeme as word
        from retail.products as p
        cross join lateral unnest(to_tsvector('simple', p.name || ' ' || p.description)) as w
    ),
    counted as (
        select l.lexeme, count(*)::integer as products
        from retail.products as p
        cross join lateral unnest(p.search_words) as l
        group by l.lexeme
    ),
    wanted as (
        -- A compound has several lexemes: the longest is its own, the others are of its parts.
        select distinct on (f.word) f.word, c.lexeme, c.products,
            round(ln(1 + (t.products - c.products + 0.5) / (c.products + 0.5)), 3) as weight
        from found as f
        cross join lateral unnest(to_tsvector('english', f.word)) as l
        join counted as c on c.lexeme = l.lexeme
        cross join (select count(*) as products from retail.products) as t
        order by f.word, length(c.lexeme) desc, c.lexeme
    ),
    removed as (
        delete from retail.search_words as s
        where not exists (select from wanted as w where w.word = s.word)
        returning 1
    ),
    written as (
        insert into retail.search_words as s (word, lexeme, products, weight)
        select w.word, w.lexeme, w.products, w.weight from wanted as w order by w.word
        on conflict (word) do update
        set lexeme = excluded.lexeme, products = excluded.products, weight = excluded.weight,
            updated_at = now()
        where (s.lexeme, s.products, s.weight)
            is distinct from (excluded.lexeme, excluded.products, excluded.weight)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    perform zava.refresh_search_lexemes();
    perform zava.refresh_search_assortments();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_words() is
    'Counts the words of the catalogue anew for search; returns how many rows of retail.search_words were written or removed.';
revoke execute on function zava.refresh_search_words() from public;

-- source: db/functions/search/index_search_assortments.sql
-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, and drops indexes that are of no use any more. False when there was none
-- to build: to be run until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on meanwhile; only another refresh waits.
-- What the index finds is measured by vectors of products that the store does not sell, which are as far
-- from those it sells as a question may be. One that finds too little is not used.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 40
as $function$
declare
    v_store record;
    v_index name;
    v_memory bigint;
    v_recall numeric;
begin
    perform pg_advisory_xact_lock(hashtext('zava.index_search_assortments'));

    for v_index in
        select c.relname
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        where i.indrelid = 'retail.search_assortments'::regclass
            and not i.indisprimary
            and not exists (
                select
                from retail.search_stores as s
                where s.copied
                    and c.relname = format(
                        'search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), s.model_id
                    )
            )
    loop
        execute format('drop index retail.%I', v_index);
    end loop;

    select s.store_id, s.products, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.indexed is null and s.products > 1500 and e.extname = 'vector'
    order by s.products desc, s.store_id
    limit 1;
    if not found then
        return false;
    end if;

    -- A graph that does not fit into memory takes many times as long. One process builds it: containers
    -- often have too little shared memory for several.
    v_memory := v_store.products * (v_store.dimensions * 2 + 1200) / 1024 + 8192;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;
    perform set_config('max_parallel_maintenance_workers', '0', true);
    execute format(
        'create index if not exists %1$I on retail.search_assortments
            using hnsw ((embedding::%2$I.halfvec(%3$s)) %2$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 200)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    execute format(
        'select avg((
            select count(*)
            from unnest(c.found) as u (product_id)
            where u.product_id = any (c.nearest)
        ) / cardinality(c.nearest)::numeric)
        from (
            select
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by (a.embedding operator(%1$I.<#>) q.embedding) + 0
                    limit 10
                ) as nearest,
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by a.embedding::%1$I.halfvec(%2$s)
                        operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s)
                    limit 10
                ) as found
            from (
                select e.embedding
                from retail.product_embeddings as e
                where e.model_id = %3$s and not exists (
                    select
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.product_id = e.product_id
                )
                order by sha256(e.product_id::text::bytea)
                limit 50
            ) as q
        ) as c',
        v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
    )
    into v_recall;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none; false when there is none to build.';
revoke execute on function zava.index_search_assortments() from public;

-- source: db/functions/search/refresh_search_assortments.sql
-- zava.refresh_search_assortments(): takes up for search what stores sell: of every store a bit for each
-- product of the catalogue, of stores that sell up to half of it the vectors as well, side by side in
-- retail.search_assortments. Run by zava.refresh_search_words() and when a model becomes live; not a tool.
-- Rows of retail.inventory are marked as taken up first, so that one which comes while this runs is not,
-- and search sees it; a row that somebody else is changing stays for the next time, as does a product
-- that has no number yet. Indexes of the copies are built by zava.index_search_assortments(), for that
-- takes long and rows marked are locked until this is committed.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (select f.model_id from api._few() as f);
    v_most constant integer := (select f.copied from api._few() as f);
    v_products constant integer := (select count(*) from retail.search_numbers);
    v_copied uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    update retail.inventory as i
    set in_search = true
    from (
        select i.store_id, i.product_id
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where not i.in_search
        for no key update of i skip locked
    ) as u
    where i.store_id = u.store_id and i.product_id = u.product_id;

    v_copied := array(
        select i.store_id
        from retail.inventory as i
        where i.in_search
        group by i.store_id
        having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_copied)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id and i.in_search
            )
        returning 1
    ),
    -- In the order of the key, so that what is read together lies together.
    written as (
        insert into retail.search_assortments as a (store_id, product_id, model_id, embedding)
        select i.store_id, i.product_id, v_model_id, e.embedding
        from retail.inventory as i
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_copied)
            and i.in_search
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.updated_at <= e.updated_at
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding, updated_at = now()
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    delete from retail.search_stores as s
    where not exists (
        select from retail.inventory as i where i.store_id = s.store_id and i.in_search
    );
    insert into retail.search_stores as s (store_id, products, copied, sold, model_id)
    select p.store_id, count(*), p.store_id = any (v_copied),
        rpad(string_agg(lpad('1', p.step, '0'), '' order by p.number), v_products, '0')::varbit,
        v_model_id
    from (
        select i.store_id, n.number,
            n.number - lag(n.number, 1, 0) over (partition by i.store_id order by n.number) as step
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where i.in_search
    ) as p
    group by p.store_id
    on conflict (store_id) do update
    set products = excluded.products, copied = excluded.copied, sold = excluded.sold,
        model_id = excluded.model_id, updated_at = now(),
        indexed = case when excluded.copied and s.model_id = excluded.model_id then s.indexed end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

-- source: db/functions/search/refresh_search_lexemes.sql
-- zava.refresh_search_lexemes(): numbers the products of the catalogue and writes down for each lexeme of
-- their texts in which products it is, a bit for each number. Run by zava.refresh_search_words(); not a
-- tool. Short texts have low numbers: among products with the same words search prefers them.
-- Bits are written as text, from one product to the next, for there is no way to set many at once.
create or replace function zava.refresh_search_lexemes()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_changed bigint;
begin
    with wanted as materialized (
        select row_number() over (order by length(p.search_words), p.product_id)::integer as number,
            p.product_id, p.search_words
        from retail.products as p
    ),
    removed as (
        delete from retail.search_numbers as n
        where n.number > (select count(*) from wanted)
        returning 1
    ),
    written as (
        insert into retail.search_numbers as n (number, product_id, search_words)
        select w.number, w.product_id, w.search_words from wanted as w order by w.number
        on conflict (number) do update
        set product_id = excluded.product_id, search_words = excluded.search_words, updated_at = now()
        where (n.product_id, n.search_words) is distinct from (excluded.product_id, excluded.search_words)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    if v_changed > 0 then
        -- Bits of what stores sell are by the numbers before.
        update retail.search_stores as s set sold = null where s.sold is not null;
    end if;

    with steps as (
        select p.lexeme, p.number, p.is_named,
            p.number - lag(p.number, 1, 0) over w as step,
            p.number - coalesce(max(p.number) filter (where p.is_named) over (
                w rows between unbounded preceding and 1 preceding
            ), 0) as named_step
        from (
            select l.lexeme, n.number, 'A' = any (l.weights) as is_named
            from retail.search_numbers as n
            cross join lateral unnest(n.search_words) as l
        ) as p
        window w as (partition by p.lexeme order by p.number)
    ),
    wanted as (
        select s.lexeme, count(*)::integer as products,
            round(ln(1 + (t.products - count(*) + 0.5) / (count(*) + 0.5)), 3) as weight,
            rpad(string_agg(lpad('1', s.step, '0'), '' order by s.number), t.products, '0')::varbit
                as places,
            rpad(
                coalesce(
                    string_agg(lpad('1', s.named_step, '0'), '' order by s.number)
                        filter (where s.is_named), ''
                ), t.products, '0'
            )::varbit as named
        from steps as s
        cross join (select count(*)::integer as products from retail.search_numbers) as t
        group by s.lexeme, t.products
    ),
    removed as (
        delete from retail.search_lexemes as l
        where not exists (select from wanted as w where w.lexeme = l.lexeme)
        returning 1
    ),
    written as (
        insert into retail.search_lexemes as l (lexeme, products, weight, places, named)
        select w.lexeme, w.products, w.weight, w.places, w.named from wanted as w order by w.lexeme
        on conflict (lexeme) do update
        set products = excluded.products, weight = excluded.weight, places = excluded.places,
            named = excluded.named, updated_at = now()
        where (l.products, l.weight, l.places, l.named)
            is distinct from (excluded.products, excluded.weight, excluded.places, excluded.named)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_lexemes() is
    'Writes down in which products each lexeme of the catalogue is; returns how many rows of retail.search_lexemes were written or removed.';
revoke execute on function zava.refresh_search_lexemes() from public;

-- source: db/functions/search/search_products.sql
-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides.
create or replace function api.search_products(
    p_query text,
    p_query_embedding vector default null,
    p_category text default null,
    p_min_price numeric default null,
    p_max_price numeric default null,
    p_in_stock boolean default false,
    p_min_similarity numeric default null,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    score numeric,
    similarity numeric,
    found_by text,
    searched_by text,
    headline text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_query constant text := btrim(p_query);
    v_words constant tsquery := plainto_tsquery('english', v_query);
    v_category uuid;
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * p_limit, 20);
    v_unit p_query_embedding%type;
    v_searched_by text;
begin
    if p_limit is null or p_limit not between 1 and 100
        or p_min_price not between 0 and 1e9
        or p_max_price not between 0 and 1e9
        or p_min_similarity not between -1 and 1
    then
        perform api._require_range('p_limit', p_limit, 1, 100);
        perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
        perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
        perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    end if;
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;

    if p_category is not null then
        v_category := api._category_id(p_category);
    end if;
    if p_query_embedding is not null then
        v_unit := api._checked_embedding(p_query_embedding);
    end if;
    v_searched_by := case
        when v_unit is not null then 'meaning and words'
        when p_query_embedding is null then 'words only: the text was not embedded'
        else 'words only: no model is live'
    end;

    return query
    with lists as (
        select f.product_id, f.similarity,
            case
                when f.coverage is null then 1.0 / (20 + f.place)
                else 2 * f.coverage ^ 2 / (20 + f.place)
            end as worth,
            case when f.coverage is null then 'meaning' else 'words' end as side,
            f.price, f.stock_level, f.in_stock_at
        from api._found_products(
            v_unit, v_query, v_category, p_min_price, p_max_price, v_in_stock, v_depth
        ) as f
    ),
    merged as (
        select l.product_id, sum(l.worth) as worth, max(l.similarity) as similarity,
            case when count(*) = 2 then 'both' else min(l.side) end as found_by,
            l.price, l.stock_level, l.in_stock_at
        from lists as l
        group by l.product_id, l.price, l.stock_level, l.in_stock_at
    ),
    best as (
        select m.*, row_number() over (order by m.worth desc, m.product_id) as rank
        from merged as m
        where p_min_similarity is null or m.similarity is null or m.similarity >= p_min_similarity
        order by rank
        limit p_limit
    )
    select b.rank, b.product_id, p.sku, p.name, c.name, b.price, b.stock_level, b.in_stock_at,
        round(b.worth::numeric, 5), round(b.similarity::numeric, 3), b.found_by, v_searched_by,
        ts_headline(
            'english', p.description, v_words,
            'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    order by b.rank;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words or both. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists. headline: the description with the words asked for in **.

p_query: words or a question
p_query_embedding: vector of p_query by the live model; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/similar_products.sql
-- api.similar_products(): what the caller's stores sell that is like a product, by the nearness of
-- vectors; by the words of its name where it has no vector yet.
create or replace function api.similar_products(
    p_sku text,
    p_in_stock boolean default false,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    similarity numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := api._product_id(p_sku);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_has_vector constant boolean := api._product_embedding(v_product_id) is not null;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with found as (
        select f.product_id, f.similarity, f.place, f.price, f.stock_level, f.in_stock_at
        from api._found_products(
            api._product_embedding(v_product_id),
            case
                when not v_has_vector then (
                    select p.name from retail.products as p where p.product_id = v_product_id
                )
            end,
            null, null, null, v_in_stock, p_limit + 1
        ) as f
    )
    select row_number() over (order by f.place), p.product_id, p.sku, p.name, c.name, f.price,
        f.stock_level, f.in_stock_at, round(f.similarity::numeric, 3),
        concat_ws(
            '; ',
            case
                when p.type_id = a.type_id then 'also in ' || t.name
                when p.category_id = a.category_id then t.name || ', also in ' || c.name
                else t.name || ' in ' || c.name
            end,
            case
                when f.price < b.price then format('%s USD cheaper', b.price - f.price)
                when f.price > b.price then format('%s USD dearer', f.price - b.price)
            end,
            case when not v_has_vector then 'found by words, it has no embedding yet' end
        )
    from found as f
    join retail.products as p on p.product_id = f.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.product_types as t on t.type_id = p.type_id
    join retail.products as a on a.product_id = v_product_id
    cross join lateral api._offer(v_product_id) as b
    where p.product_id <> v_product_id
    order by f.place
    limit p_limit;
end;
$function$;

comment on function api.similar_products(text, boolean, integer) is
    'Products of your stores that are most like one, as substitutes. why: what they share and how the lowest prices compare. USD without tax.

p_sku: article number, for example HT-HAM-001
p_in_stock: only what is in stock
p_limit: 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

-- sources end
-- Nothing is taken up until zava.refresh_search_words() is run next: search looks up what is sold.
reset role;
