-- 0019 search speed.
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

-- What stores that sell few products sell, with all that a search compares, a store's side by side. No
-- foreign key to products: what is not sold any more is not read, for the print of its store differs.
do $assortments$
begin
    execute format(
        'create table retail.search_assortments (
            store_id uuid not null,
            product_id uuid not null,
            model_id smallint,
            embedding %I.halfvec,
            search_words tsvector not null,
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            constraint search_assortments_pkey primary key (store_id, product_id),
            constraint search_assortments_store_id_fkey foreign key (store_id)
                references retail.stores (store_id) on delete cascade
        )',
        (
            select n.nspname
            from pg_catalog.pg_extension as e
            join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
            where e.extname = 'vector'
        )
    );
end
$assortments$;
alter table retail.search_assortments
    alter column embedding set storage main,
    alter column search_words set storage main;
comment on table retail.search_assortments is
    'Copies of what search compares of the products of stores that sell few, kept side by side.';
comment on column retail.search_assortments.model_id is 'Model that the vector is of.';
comment on column retail.search_assortments.embedding is 'Normalised vector of the product text.';
comment on column retail.search_assortments.search_words is 'Words of name (A) and description (B).';

create table retail.search_stores (
    store_id uuid not null,
    products integer not null,
    print bigint,
    model_id smallint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_stores_pkey primary key (store_id),
    constraint search_stores_store_id_fkey foreign key (store_id)
        references retail.stores (store_id) on delete cascade,
    constraint search_stores_products_check check (products >= 0)
);
comment on table retail.search_stores is
    'How many products a store sold when search was refreshed, and which of them were copied.';
comment on column retail.search_stores.print is
    'Hashes of the products in retail.search_assortments, by bit_xor; null when nothing was copied.';
comment on column retail.search_stores.model_id is 'Model of the copied vectors.';

-- A handful of rows, and a wider range than before.
alter table retail.search_recall
    -- squawk-ignore ban-drop-constraint
    drop constraint search_recall_ef_search_check,
    -- squawk-ignore constraint-missing-not-valid
    add constraint search_recall_ef_search_check check (ef_search in (100, 120, 200, 400));

-- sources begin (written by scripts/freeze up to the end mark)

revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
   ;
drop function api._similarity(halfvec, vector);

-- source: db/functions/search/_word_query.sql
-- api._word_query(): a lexeme as a tsquery, whatever characters it is made of. Not a tool. STABLE as
-- format() is, so that it becomes a part of the statement that calls it.
create or replace function api._word_query(
    p_lexeme text
)
returns tsquery
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when p_lexeme is null then ''
        else format('''%s''', replace(replace(p_lexeme, '\', '\\'), '''', ''''''))
    end::tsquery;
end;

comment on function api._word_query(text) is
    'A lexeme as a tsquery that finds it; the empty tsquery for null.

p_lexeme: the lexeme';
revoke execute on function api._word_query(text) from public;
grant execute on function api._word_query(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_asked_words.sql
-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words.
create or replace function api._asked_words(
    p_query text
)
returns table (words tsquery[], weights real[], products integer[], any_word tsquery, total real)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    with asked as (
        select q.query, q.weight, q.products,
            row_number() over (order by q.weight desc, q.query::text) as place
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
        )
    from asked as a;
end;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_few.sql
-- api._few(): how many products a search compares one by one, rather than look them up by an index,
-- which finds too little of what is rare: one in 25 of the catalogue; one in 16 if they were copied
-- side by side (zava.refresh_search_assortments()). Not a tool. A table, for that becomes a part of
-- the statement that asks.
create or replace function api._few()
returns table (products integer, copied integer)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    select
        coalesce(max(greatest(1500, r.products / 25)), 4000),
        coalesce(max(greatest(1500, r.products / 16)), 4000)
    from retail.search_recall as r
    join retail.embedding_models as m on m.model_id = r.model_id
    where m.state = 'live';
end;

comment on function api._few() is
    'Up to how many products a search compares one by one; and up to how many copied ones.';
revoke execute on function api._few() from public;
grant execute on function api._few() to store_manager, regional_manager, head_office;

-- source: db/functions/search/_found_products.sql
-- api._found_products(): the two lists of a search, by meaning and by words. Not a tool. Whatever the
-- caller sells is searched the quickest way that finds it: few products that were copied side by side
-- are compared in one pass, other few are looked up one by one, and of many an index is followed.
-- What a store sold when it was copied has a print, which is another as soon as a product comes or
-- goes: then nothing is taken from the copy until zava.refresh_search_assortments() has run.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (product_id uuid, place bigint, similarity real, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_stores bigint;
    v_sold bigint;
    v_largest integer;
    v_print bigint;
    v_most integer;
    v_few uuid[];
begin
    if v_all then
        select count(*), coalesce(sum(s.products), 0), max(s.products), bit_xor(s.print),
            (select f.copied from api._few() as f)
        into v_stores, v_sold, v_largest, v_print, v_most
        from retail.search_stores as s
        where s.model_id is not distinct from (
            select m.model_id from retail.embedding_models as m where m.state = 'live'
        );
    end if;

    if v_sold <= v_most and v_print = (
        select bit_xor(api._sold_print(i.store_id, i.product_id)) from retail.inventory as i
    ) then
        if p_embedding is not null then
            return query
            select n.product_id, n.place, n.similarity, null::real
            from api._nearest_copied(p_embedding, v_stores, p_limit)
                with ordinality as n (product_id, similarity, place);
        end if;
        if p_query is not null then
            return query
            select m.product_id, m.place, null::real, m.coverage
            from api._matching_copied(p_query, v_stores, p_limit)
                with ordinality as m (product_id, coverage, place);
        end if;
        return;
    end if;

    -- One store that sold many when it was counted settles it.
    if (v_largest > v_most) is not true then
        v_few := api._sold_products(p_category_id, p_min_price, p_max_price, p_in_stock);
    end if;
    if p_embedding is not null then
        return query
        select n.product_id, n.place, n.similarity, null::real
        from api._nearest_products(
            p_embedding, v_few, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) with ordinality as n (product_id, similarity, place);
    end if;
    if p_query is not null then
        return query
        select m.product_id, m.place, null::real, m.coverage
        from api._matching_products(
            p_query, v_few, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
            least(v_largest / (16.0 * v_most), 1)::real
        ) with ordinality as m (product_id, coverage, place);
    end if;
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists.

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

-- source: db/functions/search/_index_products_120.sql
-- api._index_products_120(): api._index_products() with hnsw.ef_search = 120, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_120(
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
set hnsw.ef_search = 120
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
    ) as n;
end;
$function$;

comment on function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer) is
    'Products nearest to a vector, by the index, with a little more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_copied.sql
-- api._matching_copied(): the products that have most of the words of a search, of all that is copied
-- of the caller's stores, as api._nearest_copied() has it for vectors. Not a tool.
create or replace function api._matching_copied(
    p_query text,
    p_stores bigint,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    v_asked record;
begin
    select a.* into v_asked from api._asked_words(p_query) as a;

    return query
    select m.product_id, (m.worth / v_asked.total)::real
    from (
        select distinct on (w.product_id) w.product_id, w.worth, w.search_words
        from (
            select a.product_id, a.search_words,
                api._worth(a.search_words, v_asked.words, v_asked.weights) as worth
            from retail.search_assortments as a
            where a.search_words @@ v_asked.any_word
            order by worth desc
            fetch first (p_limit * p_stores) rows with ties
        ) as w
        order by w.product_id
    ) as m
    order by m.worth desc, ts_rank(m.search_words, v_asked.any_word, 1) desc, m.product_id
    limit p_limit;
end;
$function$;

comment on function api._matching_copied(text, bigint, integer) is
    'Of all that is copied of the stores of the caller the products that share most words with a search, with the share of its worth.

p_query: text of the search
p_stores: number of the stores
p_limit: number of products';
revoke execute on function api._matching_copied(text, bigint, integer) from public;
grant execute on function api._matching_copied(text, bigint, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_products.sql
-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for.
-- Where few products are to be searched, each that has any word is weighed. Else those that have the
-- best combinations of words are looked up; as long as others could still be among the first ten,
-- those that have the next best.
create or replace function api._matching_products(
    p_query text,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_share real default 1
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_asked record;
    v_looked_for tsquery;
    v_rest real := 0;
    -- Of what is looked up, the caller sells this share.
    v_aim real := 30 / greatest(p_share, 0.03);
    v_found uuid[];
    v_worth real[];
begin
    select a.* into v_asked from api._asked_words(p_query) as a;
    if v_asked.words is null then
        return;
    end if;

    loop
        if p_products is not null then
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    from unnest(p_products) as u (product_id)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.product_id = u.product_id
                        offset 0
                    ) as x
                    where x.search_words @@ v_asked.any_word
                    order by worth desc
                    fetch first p_limit rows with ties
                ) as y
                order by place
                limit p_limit
            ) as z;
        else
            select c.query, c.rest into v_looked_for, v_rest
            from api._word_combinations(
                v_asked.words, v_asked.weights, v_asked.products, v_aim
            ) as c;
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    from retail.products as x
                    where x.search_words @@ v_looked_for
                        and (p_category_id is null or x.category_id = p_category_id)
                        and exists (
                            select
                            from retail.inventory as i
                            where i.product_id = x.product_id
                                and (p_min_price is null or i.price >= p_min_price)
                                and (p_max_price is null or i.price <= p_max_price)
                                and (p_in_stock is not true or i.stock_level > 0)
                        )
                    limit 5000
                ) as y
                order by place
                limit p_limit
            ) as z;
        end if;
        exit when v_rest <= coalesce(v_worth[least(p_limit, 10)], 0);
        v_aim := v_aim * 8;
    end loop;

    return query
    select f.product_id, (f.worth / v_asked.total)::real
    from unnest(v_found, v_worth) with ordinality as f (product_id, worth, place)
    order by f.place;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real) is
    'Products by the words that they share with a search, the most first, with the share of its worth.

p_query: text of the search
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_share: share of the catalogue that the caller sells';
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
    from public;
grant execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied.sql
-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores,
-- each compared. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which
-- row-level security decides what is read; api._found_products() has seen that the copies are complete
-- and of the live model. What several stores sell is there several times.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_stores bigint,
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
begin
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
end;
$function$;

comment on function api._nearest_copied(vector, bigint, integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_stores: number of the stores
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, bigint, integer) from public;
grant execute on function api._nearest_copied(vector, bigint, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_products.sql
-- api._nearest_products(): the products whose vectors are nearest to one. Not a tool.
-- Few products are compared one by one: exact. Among many the index is followed, with the ef_search
-- that zava.check_search_recall() has found to be enough for it.
create or replace function api._nearest_products(
    p_embedding vector,
    p_products uuid[],
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
set hnsw.ef_search = 100
as $function$
declare
    v_model record;
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
begin
    select m.model_id, r.ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, v_unit) as similarity
        from unnest(p_products) as u (product_id)
        cross join lateral (
            select v.product_id, v.embedding
            from retail.product_embeddings as v
            where v.model_id = v_model.model_id and v.product_id = u.product_id
            offset 0
        ) as e
        order by similarity desc, e.product_id
        limit p_limit;
    elsif v_model.ef_search = 400 then
        return query
        select n.product_id, n.similarity
        from api._index_products_400(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) as n;
    elsif v_model.ef_search = 200 then
        return query
        select n.product_id, n.similarity
        from api._index_products_200(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) as n;
    elsif v_model.ef_search = 120 then
        return query
        select n.product_id, n.similarity
        from api._index_products_120(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) as n;
    end if;
end;
$function$;

comment on function
    api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer) is
    'Products by the similarity of their vectors to one, the nearest first.

p_embedding: the vector, of length 1 and of the live model
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_similarity.sql
-- api._similarity(): cosine of two vectors of length 1. Not a tool. Bound at creation, so that callers
-- need not know in which schema the extension is. Both are of the type that is stored: to convert one
-- takes longer than to compare it, and would be done anew for each product.
create or replace function api._similarity(
    p_stored halfvec,
    p_unit halfvec
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select -(p_stored <#> p_unit)::real;
end;

comment on function api._similarity(halfvec, halfvec) is
    'Cosine of two vectors of length 1.

p_stored: vector of a product
p_unit: vector of a query';
revoke execute on function api._similarity(halfvec, halfvec) from public;
grant execute on function api._similarity(halfvec, halfvec)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_print.sql
-- api._sold_print(): what tells a product of a store from all others; those of an assortment make its
-- print together, by bit_xor. Not a tool.
create or replace function api._sold_print(
    p_store_id uuid,
    p_product_id uuid
)
returns bigint
language sql
immutable
parallel safe
security invoker
begin atomic
    select uuid_hash_extended(p_product_id, uuid_hash_extended(p_store_id, 0));
end;

comment on function api._sold_print(uuid, uuid) is
    'Hash of a product of a store.

p_store_id: the store
p_product_id: the product';
revoke execute on function api._sold_print(uuid, uuid) from public;
grant execute on function api._sold_print(uuid, uuid) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_products.sql
-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are compared one by one, which finds all; for many there is
-- the index.
-- Store by store: what several stores sell counts once, and one large store settles it.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer default null
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Most searches have no filter: their plan can be kept.
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_most constant integer := coalesce(p_most, (select f.products from api._few() as f));
    v_store_id uuid;
    v_more uuid[];
    v_found uuid[] := '{}';
begin
    for v_store_id in select s.store_id from retail.stores as s order by s.store_id loop
        if v_all then
            v_more := array(
                select i.product_id
                from retail.inventory as i
                where i.store_id = v_store_id
                limit v_most + 1
            );
        else
            execute format(
                'select array(select i.product_id from %s and i.store_id = $1 limit $2)',
                api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
            )
            into v_more
            using v_store_id, v_most + 1;
        end if;

        if v_found = '{}' then
            v_found := v_more;
        else
            v_found := array(
                select u.product_id from unnest(v_found || v_more) as u (product_id)
                group by u.product_id
            );
        end if;
        if cardinality(v_found) > v_most then
            return null;
        end if;
    end loop;
    return v_found;
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many are few; null for what api._few() says';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_words.sql
-- zava.refresh_search_words(): brings retail.search_words in line with the catalogue: every word of
-- its texts, the lexeme that search looks for, and what that is worth (the idf of BM25). Run by the
-- administrator when products were added or rewritten, and by zava-sql embed; not a tool.
-- What small stores sell is copied anew as well. Search works on without it, with older weights, and
-- does not repair towards words not seen yet.
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

    perform zava.refresh_search_assortments();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_words() is
    'Counts the words of the catalogue anew for search; returns how many rows of retail.search_words were written or removed.';
revoke execute on function zava.refresh_search_words() from public;

-- source: db/functions/search/_word_combinations.sql
-- api._word_combinations(): products that are worth most for a search, as a tsquery: those that have
-- the best combinations of its words, down to where about p_products are to be expected if no word
-- knew of another. rest: what a product may be worth that has none of these. Not a tool.
-- Six words make 63 combinations; the others are weighed, not looked for.
create or replace function api._word_combinations(
    p_words tsquery[],
    p_weights real[],
    p_in integer[],
    p_products real
)
returns table (query tsquery, rest real)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    with combined as (
        select c.chosen, sum(p_weights[n]) as worth,
            k.number * exp(sum(ln((p_in[n] + 0.01) / k.number))) as expected,
            string_agg(format('(%s)', p_words[n]), ' & ') as query
        from (
            -- The number of products, from what zava.refresh_search_words() made of it.
            select greatest(max(exp(w.weight) * (w.products + 0.5)), 1000) as number
            from unnest(p_weights, p_in) as w (weight, products)
        ) as k
        cross join generate_series(1, (1 << least(cardinality(p_words), 6)) - 1) as c (chosen)
        join generate_series(1, 6) as n on c.chosen & (1 << (n - 1)) > 0
        group by c.chosen, k.number
    ),
    ranked as (
        select c.query, c.worth,
            sum(c.expected) over (order by c.worth desc, c.chosen) - c.expected as before
        from combined as c
    )
    select string_agg(r.query, ' | ') filter (where r.before < p_products)::tsquery,
        coalesce(max(r.worth) filter (where r.before >= p_products), 0)::real
    from ranked as r;
end;

comment on function api._word_combinations(tsquery[], real[], integer[], real) is
    'A tsquery for the best combinations of words, and what is left to be found without it.

p_words: the words, the rarest first
p_weights: what each is worth
p_in: in how many products each is
p_products: how many products the combinations shall find';
revoke execute on function api._word_combinations(tsquery[], real[], integer[], real) from public;
grant execute on function api._word_combinations(tsquery[], real[], integer[], real)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_worth.sql
-- api._worth(): what the words of a product are worth for a search: the sum over those asked for that
-- it has, of which there may be twelve. Not a tool. Written out, so that a statement which weighs
-- thousands of products calls no function for each; nested, so that it ends with the last word.
create or replace function api._worth(
    p_words tsvector,
    p_queries tsquery[],
    p_weights real[]
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(p_weights[1] * (p_words @@ p_queries[1])::integer, 0)
        + case when p_weights[2] is null then 0 else p_weights[2] * (p_words @@ p_queries[2])::integer
        + case when p_weights[3] is null then 0 else p_weights[3] * (p_words @@ p_queries[3])::integer
        + case when p_weights[4] is null then 0 else p_weights[4] * (p_words @@ p_queries[4])::integer
        + case when p_weights[5] is null then 0 else p_weights[5] * (p_words @@ p_queries[5])::integer
        + case when p_weights[6] is null then 0 else p_weights[6] * (p_words @@ p_queries[6])::integer
        + case when p_weights[7] is null then 0 else p_weights[7] * (p_words @@ p_queries[7])::integer
        + case when p_weights[8] is null then 0 else p_weights[8] * (p_words @@ p_queries[8])::integer
        + case when p_weights[9] is null then 0 else p_weights[9] * (p_words @@ p_queries[9])::integer
        + case when p_weights[10] is null then 0 else p_weights[10] * (p_words @@ p_queries[10])::integer
        + case when p_weights[11] is null then 0 else p_weights[11] * (p_words @@ p_queries[11])::integer
        + case when p_weights[12] is null then 0 else p_weights[12] * (p_words @@ p_queries[12])::integer end end end end end end end end end end end;
end;

comment on function api._worth(tsvector, tsquery[], real[]) is
    'Sum of the weights of those queries that words match; of the first twelve.

p_words: words of a product
p_queries: what is asked for
p_weights: what each is worth';
revoke execute on function api._worth(tsvector, tsquery[], real[]) from public;
grant execute on function api._worth(tsvector, tsquery[], real[])
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/activate_embedding_model.sql
-- zava.activate_embedding_model(): lets search use another model. To readers it is one step: each
-- statement sees either the old model or the new one. The old one keeps its vectors, so that the
-- way back is as short, until it is retired.
create or replace function zava.activate_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_missing bigint;
begin
    -- Whoever else activates, adds or retires a model waits.
    perform from retail.embedding_models as m order by m.model_id for update;

    select count(*)
    into v_missing
    from retail.products as p
    where not exists (
        select
        from retail.product_embeddings as e
        where e.model_id = v_model_id and e.product_id = p.product_id
    );
    if v_missing > 0
        or to_regclass(format('retail.product_embeddings_%s_embedding_idx', v_model_id)) is null
    then
        raise exception 'model % is not ready: % products have no vector, or there is no index',
            p_name, v_missing
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Fill it first: zava-sql embed.';
    end if;

    update retail.embedding_models as m
    set state = 'building', updated_at = now()
    where m.state = 'live' and m.model_id <> v_model_id;
    update retail.embedding_models as m
    set state = 'live', updated_at = now()
    where m.model_id = v_model_id and m.state <> 'live';

    perform zava.refresh_search_assortments();
end;
$function$;

comment on function zava.activate_embedding_model(text) is
    'Makes a filled model the one that search uses; the one before keeps its vectors.

p_name: name of the model';
revoke execute on function zava.activate_embedding_model(text) from public;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 100, 120, 200 and 400 that finds 99 of 100, or the most
-- if none does. Search uses it from then on. Run by the administrator after an index was built; not a
-- tool. Reads every vector as often as the sample is large.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy.
create or replace function zava.check_search_recall(
    p_sample integer default 50
)
returns table (model text, ef_search integer, recall numeric, advice text)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set hnsw.iterative_scan = off
as $function$
declare
    v_model record;
    v_ef_search integer;
    v_recall numeric;
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    if p_sample is null or p_sample not between 1 and 1000 then
        raise exception 'p_sample out of range: %', coalesce(p_sample::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use a number from 1 to 1000.';
    end if;

    for v_model in
        select m.model_id, m.name, m.dimensions
        from retail.embedding_models as m
        where m.state <> 'retired'
            and to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null
        order by m.model_id
    loop
        recall := null;
        foreach v_ef_search in array array[100, 120, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', v_ef_search);
            execute format(
                'with sample as materialized (
                    select e.embedding, lead(e.embedding) over (order by e.place) as other
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %2$s
                        order by place
                        limit $1 + 1
                    ) as e
                ),
                asked as materialized (
                    select %1$I.l2_normalize(
                        s.embedding operator(%1$I.+) s.embedding operator(%1$I.+) s.other
                    ) as v
                    from sample as s
                    where s.other is not null
                ),
                compared as materialized (
                    select
                        array(
                            select e.product_id
                            from retail.product_embeddings as e
                            where e.model_id = %2$s
                            order by (e.embedding operator(%1$I.<#>) a.v) + 0
                            limit 10
                        ) as nearest,
                        array(
                            select e.product_id
                            from retail.product_embeddings as e
                            where e.model_id = %2$s
                            order by e.embedding::%1$I.halfvec(%3$s)
                                operator(%1$I.<#>) a.v::%1$I.halfvec(%3$s)
                            limit 10
                        ) as found
                    from asked as a
                )
                select round(avg(n.hits / cardinality(c.nearest)::numeric), 3)
                from compared as c
                cross join lateral (
                    select count(*) as hits
                    from unnest(c.found) as u (product_id)
                    where u.product_id = any (c.nearest)
                ) as n
                where cardinality(c.nearest) > 0',
                v_schema, v_model.model_id, v_model.dimensions
            )
            into v_recall
            using p_sample;
            -- More effort that finds no more is not worth it.
            if recall is null or v_recall > recall then
                ef_search := v_ef_search;
                recall := v_recall;
            end if;
            exit when recall >= 0.99;
        end loop;
        continue when recall is null;

        model := v_model.name;
        advice := case
            when recall < 0.99 then 'The index finds too little: build it anew, with a larger m.'
        end;
        insert into retail.search_recall as r (model_id, ef_search, recall, products)
        select v_model.model_id, check_search_recall.ef_search, check_search_recall.recall, count(*)
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id
        on conflict (model_id) do update
        set ef_search = excluded.ef_search, recall = excluded.recall, products = excluded.products,
            updated_at = now();
        return next;
    end loop;
end;
$function$;

comment on function zava.check_search_recall(integer) is
    'Measures what share of the ten nearest products the index of each model finds, and keeps the smallest ef_search that finds 99 %; advice says what to do where none does.

p_sample: how many searches to try, 1 to 1000';
revoke execute on function zava.check_search_recall(integer) from public;

-- source: db/functions/search/refresh_search_assortments.sql
-- zava.refresh_search_assortments(): brings retail.search_assortments in line with what stores sell that
-- sell few products, and counts what each store sells. Run by zava.refresh_search_words() and when a
-- model becomes live; not a tool. Of the copies a print is kept: search uses them only as long as the
-- products that are sold have the same, so that it never depends on when this was run.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (
        select m.model_id from retail.embedding_models as m where m.state = 'live'
    );
    v_most constant integer := (select f.copied from api._few() as f);
    v_small uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    v_small := array(
        select i.store_id from retail.inventory as i group by i.store_id having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_small)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id
            )
        returning 1
    ),
    -- In the order of the key, so that what is read together lies together.
    written as (
        insert into retail.search_assortments as a (
            store_id, product_id, model_id, embedding, search_words
        )
        select i.store_id, i.product_id, v_model_id, e.embedding, p.search_words
        from retail.inventory as i
        join retail.products as p on p.product_id = i.product_id
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_small)
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.search_words is distinct from p.search_words
                or c.updated_at <= e.updated_at
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding,
            search_words = excluded.search_words, updated_at = now()
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    insert into retail.search_stores as s (store_id, products, print, model_id)
    select i.store_id, count(*),
        (
            select bit_xor(api._sold_print(a.store_id, a.product_id))
            from retail.search_assortments as a
            where a.store_id = i.store_id
        ),
        v_model_id
    from retail.inventory as i
    group by i.store_id
    on conflict (store_id) do update
    set products = excluded.products, print = excluded.print, model_id = excluded.model_id,
        updated_at = now();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Copies vectors and words of what small stores sell side by side for search; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

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
    v_category constant uuid := api._category_id(p_category);
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * p_limit, 20);
    v_unit p_query_embedding%type;
    v_searched_by text;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);
    perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
    perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
    perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;

    v_unit := api._checked_embedding(p_query_embedding);
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
            case when f.coverage is null then 'meaning' else 'words' end as side
        from api._found_products(
            v_unit, v_query, v_category, p_min_price, p_max_price, v_in_stock, v_depth
        ) as f
    ),
    merged as (
        select l.product_id, sum(l.worth) as worth, max(l.similarity) as similarity,
            case when count(*) = 2 then 'both' else min(l.side) end as found_by
        from lists as l
        group by l.product_id
    ),
    best as (
        select m.*, row_number() over (order by m.worth desc, m.product_id) as rank
        from merged as m
        where p_min_similarity is null or m.similarity is null or m.similarity >= p_min_similarity
        order by rank
        limit p_limit
    )
    select b.rank, b.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        round(b.worth::numeric, 5), round(b.similarity::numeric, 3), b.found_by, v_searched_by,
        ts_headline(
            'english', p.description, plainto_tsquery('english', v_query),
            'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id) as o
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
        select f.product_id, f.similarity, f.place
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
    select row_number() over (order by f.place), p.product_id, p.sku, p.name, c.name, o.price,
        o.stock_level, o.in_stock_at, round(f.similarity::numeric, 3),
        concat_ws(
            '; ',
            case
                when p.type_id = a.type_id then 'also in ' || t.name
                when p.category_id = a.category_id then t.name || ', also in ' || c.name
                else t.name || ' in ' || c.name
            end,
            case
                when o.price < b.price then format('%s USD cheaper', b.price - o.price)
                when o.price > b.price then format('%s USD dearer', o.price - b.price)
            end,
            case when not v_has_vector then 'found by words, it has no embedding yet' end
        )
    from found as f
    join retail.products as p on p.product_id = f.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.product_types as t on t.type_id = p.type_id
    join retail.products as a on a.product_id = v_product_id
    cross join lateral api._offer(p.product_id) as o
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

-- source: db/policies/search_assortments.sql
-- Row-level security of retail.search_assortments: a store sees the copies of what it sells itself,
-- a region those of its list, head office all. One permissive policy opens the table to each class;
-- the restrictive fence in front of it decides by the signed context. A second permissive policy
-- added by mistake still stands behind the fence. A store's fence is an equality: of "any" of an
-- unknown list PostgreSQL expects ten stores, and would leave the index.
alter table retail.search_assortments enable row level security;
alter table retail.search_assortments force row level security;

drop policy if exists search_assortments_store_manager_select on retail.search_assortments;
create policy search_assortments_store_manager_select
    on retail.search_assortments
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists search_assortments_regional_manager_select on retail.search_assortments;
create policy search_assortments_regional_manager_select
    on retail.search_assortments
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists search_assortments_head_office_select on retail.search_assortments;
create policy search_assortments_head_office_select
    on retail.search_assortments
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists search_assortments_store_manager_fence on retail.search_assortments;
create policy search_assortments_store_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_assortments_regional_manager_fence on retail.search_assortments;
create policy search_assortments_regional_manager_fence
    on retail.search_assortments
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_assortments_head_office_fence on retail.search_assortments;
create policy search_assortments_head_office_fence
    on retail.search_assortments
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_assortments_writer_all on retail.search_assortments;
create policy search_assortments_writer_all
    on retail.search_assortments
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_assortments_store_manager_fence on retail.search_assortments is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_assortments_regional_manager_fence on retail.search_assortments is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_assortments_head_office_fence on retail.search_assortments is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_assortments_writer_all on retail.search_assortments is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_assortments from public;
grant select on retail.search_assortments to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_assortments to zava_writer;

-- source: db/policies/search_stores.sql
-- Row-level security of retail.search_stores: a store sees how many products it sells itself, a
-- region that of its list, head office all. One permissive policy opens the table to each class;
-- the restrictive fence in front of it decides by the signed context. A second permissive policy
-- added by mistake still stands behind the fence. A store's fence is an equality: of "any" of an
-- unknown list PostgreSQL expects ten stores, and would leave the index.
alter table retail.search_stores enable row level security;
alter table retail.search_stores force row level security;

drop policy if exists search_stores_store_manager_select on retail.search_stores;
create policy search_stores_store_manager_select
    on retail.search_stores
    as permissive
    for select
    to store_manager
    using (true);

drop policy if exists search_stores_regional_manager_select on retail.search_stores;
create policy search_stores_regional_manager_select
    on retail.search_stores
    as permissive
    for select
    to regional_manager
    using (true);

drop policy if exists search_stores_head_office_select on retail.search_stores;
create policy search_stores_head_office_select
    on retail.search_stores
    as permissive
    for select
    to head_office
    using (true);

drop policy if exists search_stores_store_manager_fence on retail.search_stores;
create policy search_stores_store_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to store_manager
    using (store_id = (select (zava.visible_stores(current_user))[1]));

drop policy if exists search_stores_regional_manager_fence on retail.search_stores;
create policy search_stores_regional_manager_fence
    on retail.search_stores
    as restrictive
    for all
    to regional_manager
    using (store_id = any ((select zava.visible_stores(current_user))::uuid[]));

drop policy if exists search_stores_head_office_fence on retail.search_stores;
create policy search_stores_head_office_fence
    on retail.search_stores
    as restrictive
    for all
    to head_office
    using ((select zava.is_head_office(current_user)));

drop policy if exists search_stores_writer_all on retail.search_stores;
create policy search_stores_writer_all
    on retail.search_stores
    as permissive
    for all
    to zava_writer
    using (true)
    with check (true);

comment on policy search_stores_store_manager_fence on retail.search_stores is
    'A store: rows of the store in the signed context, else none.';
comment on policy search_stores_regional_manager_fence on retail.search_stores is
    'A region: rows of the stores in the signed context, else none.';
comment on policy search_stores_head_office_fence on retail.search_stores is
    'Head office: all rows under a valid signed context, else none.';
comment on policy search_stores_writer_all on retail.search_stores is
    'Whoever feeds the shop data, never an agent.';

revoke all on retail.search_stores from public;
grant select on retail.search_stores to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_stores to zava_writer;

-- sources end
reset role;

-- Nothing is copied until zava.refresh_search_words() is run next: search looks up what is missing.
