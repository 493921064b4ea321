-- 0021 search bits, undone.
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

delete from retail.search_assortments;
delete from retail.search_stores;
-- Columns in their old order.
alter table retail.search_assortments
    drop column created_at,
    drop column updated_at,
    add column search_words tsvector not null,
    add column created_at timestamptz not null default now(),
    add column updated_at timestamptz not null default now();
alter table retail.search_assortments alter column search_words set storage main;
comment on column retail.search_assortments.search_words is 'Words of name (A) and description (B).';
alter table retail.search_stores
    drop column sold,
    drop column copied,
    drop column indexed,
    drop column model_id,
    drop column created_at,
    drop column updated_at,
    add column print bigint,
    add column model_id smallint,
    add column created_at timestamptz not null default now(),
    add column updated_at timestamptz not null default now();
comment on column retail.search_stores.model_id is 'Model of the copied vectors.';
do $indexes$
declare
    v_index regclass;
begin
    for v_index in
        select i.indexrelid::regclass
        from pg_catalog.pg_index as i
        where i.indrelid = 'retail.search_assortments'::regclass and not i.indisprimary
    loop
        execute format('drop index %s', v_index);
    end loop;
end
$indexes$;
comment on table retail.search_stores is
    'How many products a store sold when search was refreshed, and which of them were copied.';
comment on column retail.search_stores.print is
    'Hashes of the products in retail.search_assortments, by bit_xor; null when nothing was copied.';
create index search_words_lexeme_idx on retail.search_words (lexeme);

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._nearest_copied(vector, bigint, uuid[], integer);
drop function api._matching_copied(text, bit varying, integer);
drop function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
   ;
drop function api._few();
drop function api._asked_words(text);
drop function api._query_words(text);

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

-- api._query_words(): the words of a search, each with what it is worth. Not a tool.
-- The rarer a word is in the catalogue, the more it says. A word that no product has is repaired by
-- the spelling that is nearest to it; if there is none it stays, so that a question of many such
-- words covers little of any product.
create or replace function api._query_words(
    p_query text
)
returns table (query tsquery, weight numeric, products integer)
language sql
stable
parallel restricted
security invoker
rows 5
begin atomic
    with words as materialized (
        select w.lexeme as word
        from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
        order by w.positions[1]
        limit 32
    ),
    lexemes as (
        select l.lexeme, min(w.word) as word
        from words as w
        cross join lateral unnest(to_tsvector('pg_catalog.english', w.word)) as l
        group by l.lexeme
    ),
    looked_up as materialized (
        select l.lexeme, d.weight, d.products, l.word
        from lexemes as l
        left join lateral (
            select k.weight, k.products
            from retail.search_words as k
            where k.lexeme = l.lexeme
            limit 1
        ) as d on true
    ),
    known as (
        select api._word_query(k.lexeme) as query, k.weight, k.products
        from looked_up as k
        where k.weight is not null
        union all
        select
            api._word_query(u.lexeme) || api._word_query(r.lexeme),
            coalesce(0.8 * r.weight, (select max(k.weight) from looked_up as k), 1),
            coalesce(r.products, 0)
        from looked_up as u
        left join lateral api._nearest_word(u.word) as r on true
        where u.weight is null
    )
    select k.query, k.weight, k.products
    from known as k
    order by k.weight desc, k.query::text;
end;

comment on function api._query_words(text) is
    'Words of a search as tsqueries: what each is worth, and in how many products it is; the rarest first.

p_query: text of the search';
revoke execute on function api._query_words(text) from public;
grant execute on function api._query_words(text)
    to store_manager, regional_manager, head_office;

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

drop function zava.refresh_search_lexemes();
drop function zava.index_search_assortments();
drop function api._nearest_of_all(vector, integer);
drop function api._first_places(bit varying, integer);

-- sources end
drop table retail.search_lexemes;
drop table retail.search_numbers;
drop index retail.inventory_in_search_idx;
alter table retail.inventory drop column in_search;
reset role;
