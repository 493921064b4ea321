-- 0008 search.
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

alter table retail.products
    add column search_words tsvector not null generated always as (
        setweight(to_tsvector('pg_catalog.english', name), 'A')
        || setweight(to_tsvector('pg_catalog.english', description), 'B')
    ) stored;
comment on column retail.products.search_words is
    'Words of name (A) and description (B) for search.';
create index products_search_words_idx
    on retail.products
    using gin (search_words)
    with (fastupdate = off);

create table retail.search_words (
    word text not null,
    lexeme text not null,
    products integer not null,
    weight numeric(6, 3) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_words_pkey primary key (word),
    constraint search_words_products_check check (products > 0),
    constraint search_words_weight_check check (weight >= 0)
);
create index search_words_lexeme_idx on retail.search_words (lexeme);
comment on table retail.search_words is
    'Words of the catalogue, which search repairs spelling by.';
comment on column retail.search_words.lexeme is 'What search looks for: the word without ending.';
comment on column retail.search_words.products is 'In how many products the lexeme is.';
comment on column retail.search_words.weight is
    'What it says of a product that it has the lexeme: the rarer the more.';
grant select on retail.search_words to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_words to zava_writer;

do $trigrams$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm'
    );
begin
    if v_schema is not null then
        execute format(
            'create index search_words_word_idx on retail.search_words using gin (word %I.gin_trgm_ops)',
            v_schema
        );
    end if;
end
$trigrams$;

create table retail.search_recall (
    model_id smallint not null,
    ef_search integer not null,
    recall numeric(4, 3) not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint search_recall_pkey primary key (model_id),
    constraint search_recall_model_id_fkey foreign key (model_id)
        references retail.embedding_models (model_id) on delete cascade,
    constraint search_recall_ef_search_check check (ef_search in (100, 200, 400)),
    constraint search_recall_recall_check check (recall between 0 and 1)
);
comment on table retail.search_recall is
    'How much of what is nearest the index of a model finds, as measured.';
comment on column retail.search_recall.ef_search is 'hnsw.ef_search that search uses with it.';
comment on column retail.search_recall.recall is
    'Share of the ten nearest products that the index finds with it.';
grant select on retail.search_recall to store_manager, regional_manager, head_office;
grant select, insert, update, delete on retail.search_recall to zava_writer;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_bought_with.sql
-- api._bought_with(): what orders with some products hold beside these, product by product. Not a
-- tool. Returns are left out. Beyond chance: orders with both, less those to be expected if the two
-- had nothing to do with each other; lift: how many times more often they meet than so.
create or replace function api._bought_with(
    p_products uuid[],
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (
    product_id uuid,
    other_id uuid,
    orders bigint,
    orders_with bigint,
    other_orders bigint,
    orders_together bigint,
    beyond_chance numeric,
    lift numeric
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_range record;
begin
    select r.* into v_range from api._date_range(p_from, p_to, 365) as r;

    return query
    with lines as not materialized (
        select l.store_id, l.order_id, l.product_id, l.is_return
        from api.sale_lines as l
        where (p_stores is null or l.store_id = any (p_stores))
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
    ),
    with_it as materialized (
        select distinct l.product_id, l.store_id, l.order_id
        from lines as l
        where l.product_id = any (p_products) and not l.is_return
    ),
    pairs as materialized (
        select w.product_id, l.product_id as other_id,
            count(distinct (l.store_id, l.order_id)) as orders
        from with_it as w
        join api.sale_lines as l
            on l.store_id = w.store_id and l.order_id = w.order_id
            and l.product_id <> w.product_id and not l.is_return
        group by w.product_id, l.product_id
    ),
    sizes as materialized (
        select l.product_id, count(distinct (l.store_id, l.order_id)) as orders
        from lines as l
        where not l.is_return
            and (
                l.product_id = any (p_products)
                or l.product_id in (select p.other_id from pairs as p)
            )
        group by l.product_id
    ),
    total as (
        select count(distinct (l.store_id, l.order_id)) as orders from lines as l where not l.is_return
    )
    select p.product_id, p.other_id, t.orders, a.orders, b.orders, p.orders,
        round(p.orders - a.orders::numeric * b.orders / t.orders, 2),
        round(p.orders::numeric * t.orders / (a.orders * b.orders), 2)
    from pairs as p
    cross join total as t
    join sizes as a on a.product_id = p.product_id
    join sizes as b on b.product_id = p.other_id;
end;
$function$;

comment on function api._bought_with(uuid[], uuid[], date, date) is
    'Pairs of a product and another one in the same orders, with lift.

p_products: the products
p_stores: only these stores; null for all that the caller sees
p_from: first day, inclusive; null for 364 days before p_to
p_to: last day, inclusive; null for the day of the newest sale';
revoke execute on function api._bought_with(uuid[], uuid[], date, date) from public;
grant execute on function api._bought_with(uuid[], uuid[], date, date)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_checked_embedding.sql
-- api._checked_embedding(): the vector of a query as search takes it: of the live model, of length 1; null
-- when there is none, or no model is live. Not a tool.
-- A vector of another length was made by another model: it is refused, for what it would find looks
-- like an answer and is none.
create or replace function api._checked_embedding(
    p_embedding vector default null
)
returns vector
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model record;
    v_facts record;
begin
    select m.name, m.dimensions into v_model
    from retail.embedding_models as m
    where m.state = 'live';
    if p_embedding is null or not found then
        return null;
    end if;

    select f.* into v_facts from api._vector_facts(p_embedding) as f;
    if v_facts.dimensions <> v_model.dimensions then
        raise exception 'p_query_embedding has % dimensions, those of the live model % have %',
                v_facts.dimensions, v_model.name, v_model.dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Embed with the live model, or leave p_query_embedding out to search by words.';
    end if;
    if v_facts.norm = 0 then
        raise exception 'p_query_embedding has length zero'
            using errcode = 'invalid_parameter_value',
                  hint = 'Leave p_query_embedding out to search by words.';
    end if;

    return v_facts.unit;
end;
$function$;

comment on function api._checked_embedding(vector) is
    'A vector of the live model scaled to length 1; null for null, and when no model is live.

p_embedding: the vector';
revoke execute on function api._checked_embedding(vector) from public;
grant execute on function api._checked_embedding(vector)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products.sql
-- api._index_products(): follows the index of the live model from near to far until enough products
-- are found that the caller's stores sell; row-level security decides about each on the way. Not a
-- tool. Settings belong to the function, for a tenant cannot set any: an iterative scan goes on where
-- a plain one would stop with too few; the others leave the planner this way only. hnsw.ef_search is
-- its caller's. The model's number and length are written into the statement, so that a plan touches
-- its partition and its index alone.
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
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
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

-- source: db/functions/search/_index_products_200.sql
-- api._index_products_200(): api._index_products() with hnsw.ef_search = 200, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_200(
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
set hnsw.ef_search = 200
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
    ) as n;
end;
$function$;

comment on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer) is
    'Products nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._index_products_200(vector, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_index_products_400.sql
-- api._index_products_400(): api._index_products() with hnsw.ef_search = 400, for an index that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._index_products_400(
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
set hnsw.ef_search = 400
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._index_products(
        p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
    ) as n;
end;
$function$;

comment on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer) is
    'Products nearest to a vector, by the index, with more care.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._index_products_400(vector, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_matching_products.sql
-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Words such as how and the, which no product is about, count as asked for too: who asks
-- in sentences means more than the words.
-- All that have one of the rare words are weighed, and those that have all of the common words; as
-- long as that finds nothing, one common word fewer. Where few products are to be searched, each is
-- weighed.
create or replace function api._matching_products(
    p_query text,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_words record;
    v_wanted text;
    v_any tsquery;
    v_rare integer;
begin
    select
        array_agg(w.query order by w.place) as queries,
        string_agg(
            format('%s::real * (x.search_words @@ %L::tsquery)::integer', w.weight, w.query), ' + '
        ) as worth,
        string_agg(w.query::text, ' | ')::tsquery as any_word,
        count(*) filter (where w.in_all <= 400)::integer as rare,
        count(*)::integer as number,
        sum(w.weight) * (
            select count(*)::numeric / nullif(
                count(*) filter (where to_tsvector('english', a.lexeme) <> ''), 0
            )
            from unnest(to_tsvector('simple', p_query)) as a
        ) as total
    into v_words
    from (
        select q.*, row_number() over (order by q.weight desc, q.query::text) as place,
            sum(q.products) over (order by q.weight desc, q.query::text) as in_all
        from api._query_words(p_query) as q
    ) as w;

    if p_products is not null then
        v_wanted := 'x.product_id = any ($1)';
        v_rare := v_words.number;
    else
        v_wanted := format(
            'exists (select from %s and i.product_id = x.product_id)',
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
        );
        v_rare := v_words.rare;
    end if;

    for v_number in reverse v_words.number .. greatest(v_rare, 1) loop
        select string_agg(f.query, ' | ')::tsquery
        into v_any
        from (
            select v_words.queries[n]::text as query
            from generate_series(1, v_rare) as n
            union all
            select string_agg(format('(%s)', v_words.queries[n]), ' & ')
            from generate_series(v_rare + 1, v_number) as n
        ) as f;

        return query execute format(
            'select y.product_id, (y.worth / %1$s)::real
            from (
                select x.product_id, x.search_words, %2$s as worth
                from retail.products as x
                where x.search_words @@ $2 and %3$s
                limit 2000
            ) as y
            order by y.worth desc, ts_rank(y.search_words, $3, 1) desc, y.product_id
            limit $4',
            v_words.total, v_words.worth, v_wanted
        )
        using p_products, v_any, v_words.any_word, p_limit;
        exit when found;
    end loop;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer) is
    'Products by the words that they share with a search, the most first, with the share of its worth.

p_query: text of the search
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
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
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_model record;
begin
    select m.model_id, r.ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, p_embedding) as similarity
        from unnest(p_products) as u (product_id)
        join retail.product_embeddings as e on e.product_id = u.product_id
        where e.model_id = v_model.model_id
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

-- source: db/functions/search/_nearest_word.sql
-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. Of spellings that are nearly as near, the one that more products have.
-- Trigrams are an extension, in a schema that is not known before; without it nothing is repaired.
create or replace function api._nearest_word(
    p_word text
)
returns table (lexeme text, weight numeric, products integer)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm'
    );
begin
    -- Numbers are sizes: another number is another thing.
    if v_schema is null or length(p_word) < 4 or p_word ~ '[0-9]' then
        return;
    end if;

    return query execute format(
        'select w.lexeme, w.weight, w.products
        from retail.search_words as w
        where w.word operator(%1$I.%%) $1 and %1$I.similarity(w.word, $1) >= 0.45
        order by %1$I.similarity(w.word, $1) + ln(w.products) / 50 desc, w.word
        limit 1',
        v_schema
    )
    using p_word;
end;
$function$;

comment on function api._nearest_word(text) is
    'The word of the catalogue with the nearest spelling; nothing when none is near, or for a number.

p_word: a word that no product has';
revoke execute on function api._nearest_word(text) from public;
grant execute on function api._nearest_word(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_offer.sql
-- api._offer(): what the caller's stores ask for a product and have of it. Not a tool.
create or replace function api._offer(
    p_product_id uuid
)
returns table (price numeric, stock_level bigint, in_stock_at text)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    select min(i.price), sum(i.stock_level),
        string_agg(s.store_key, ', ' order by s.store_key) filter (where i.stock_level > 0)
    from retail.inventory as i
    join retail.stores as s on s.store_id = i.store_id
    where i.product_id = p_product_id;
end;

comment on function api._offer(uuid) is
    'Lowest price, pieces on hand and stores that have some, among the stores of the caller; nulls when none sells it.

p_product_id: the product';
revoke execute on function api._offer(uuid) from public;
grant execute on function api._offer(uuid) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_product_embedding.sql
-- api._product_embedding(): the vector of a product by the live model, or null. Not a tool.
create or replace function api._product_embedding(
    p_product_id uuid
)
returns vector
language sql
stable
parallel safe
security invoker
begin atomic
    select e.embedding::vector
    from retail.product_embeddings as e
    where e.model_id = (select m.model_id from retail.embedding_models as m where m.state = 'live')
        and e.product_id = p_product_id;
end;

comment on function api._product_embedding(uuid) is
    'Vector of a product by the live model; null when it has none yet.

p_product_id: the product';
revoke execute on function api._product_embedding(uuid) from public;
grant execute on function api._product_embedding(uuid)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_product_id.sql
-- api._product_id(): id of a product by its article number, in any case. Not a tool.
-- The catalogue is shared by all stores: that a product is in it tells nothing of any of them.
create or replace function api._product_id(
    p_sku text
)
returns uuid
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_product_id constant uuid := (
        select p.product_id from retail.products as p where p.sku = upper(btrim(p_sku))
        union all
        select p.product_id from retail.products as p where p.sku = btrim(p_sku)
        limit 1
    );
begin
    if v_product_id is null then
        raise exception 'there is no product with article number %', coalesce(left(p_sku, 60), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'api.search_products() finds article numbers (sku).';
    end if;

    return v_product_id;
end;
$function$;

comment on function api._product_id(text) is
    'Id of a product; an error when no product has this article number.

p_sku: article number in any case, for example HT-HAM-001';
revoke execute on function api._product_id(text) from public;
grant execute on function api._product_id(text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_word_query.sql
-- api._word_query(): a lexeme as a tsquery, whatever characters it is made of. Not a tool.
create or replace function api._word_query(
    p_lexeme text
)
returns tsquery
language sql
immutable
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

-- source: db/functions/search/_query_words.sql
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

-- source: db/functions/search/_similarity.sql
-- api._similarity(): cosine of a stored vector and one of length 1. Not a tool. Bound at creation, so
-- that callers need not know in which schema the extension is.
create or replace function api._similarity(
    p_stored halfvec,
    p_unit vector
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select -(p_stored <#> p_unit::halfvec)::real;
end;

comment on function api._similarity(halfvec, vector) is
    'Cosine of two vectors of length 1.

p_stored: vector of a product
p_unit: vector of a query';
revoke execute on function api._similarity(halfvec, vector) from public;
grant execute on function api._similarity(halfvec, vector)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_products.sql
-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are looked at one by one, which finds all and is fast;
-- for many there are the indexes.
create or replace function api._sold_products(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_most integer
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_found uuid[];
begin
    -- Most searches have no filter: their plan can be kept.
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false) then
        v_found := array(select i.product_id from retail.inventory as i limit p_most + 1);
    else
        execute format(
            'select array(select i.product_id from %s limit %s)',
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock),
            p_most + 1
        )
        into v_found;
    end if;
    if cardinality(v_found) > p_most then
        return null;
    end if;

    -- Several stores sell the same.
    return array(select distinct u.product_id from unnest(v_found) as u (product_id));
end;
$function$;

comment on function api._sold_products(uuid, numeric, numeric, boolean, integer) is
    'Ids of the products that the caller''s stores sell under these filters; null when there are too many.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_most: how many rows of inventory are few';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_sold_where.sql
-- api._sold_where(): what a search looks among, as text: rows of retail.inventory as i under the
-- filters asked for. Not a tool. Row-level security narrows it to the stores of the caller.
-- Text, so that a plan is made for the filters that there are. It is made of typed values only, by
-- whoever runs it: no function takes it as an argument.
create or replace function api._sold_where(
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select concat(
        'retail.inventory as i ',
        case
            when p_category_id is not null
                then 'join retail.products as c on c.product_id = i.product_id '
        end,
        'where true',
        case
            when p_category_id is not null
                then format(' and c.category_id = %L::uuid', p_category_id)
        end,
        case when p_min_price is not null then format(' and i.price >= %L::numeric', p_min_price) end,
        case when p_max_price is not null then format(' and i.price <= %L::numeric', p_max_price) end,
        case when p_in_stock then ' and i.stock_level > 0' end
    );
end;

comment on function api._sold_where(uuid, numeric, numeric, boolean) is
    'Rows of retail.inventory as i that a search looks among, as text for FROM and WHERE.

p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only';
revoke execute on function api._sold_where(uuid, numeric, numeric, boolean) from public;
grant execute on function api._sold_where(uuid, numeric, numeric, boolean)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_vector_facts.sql
-- api._vector_facts(): length, norm and direction of a vector. Not a tool. Bound at creation, so that
-- callers need not know in which schema the extension is.
create or replace function api._vector_facts(
    p_embedding vector default null
)
returns table (dimensions integer, norm double precision, unit vector)
language sql
immutable
parallel safe
security invoker
rows 1
begin atomic
    select vector_dims(p_embedding), vector_norm(p_embedding), l2_normalize(p_embedding);
end;

comment on function api._vector_facts(vector) is
    'Number of dimensions, norm, and the vector scaled to length 1.

p_embedding: the vector';
revoke execute on function api._vector_facts(vector) from public;
grant execute on function api._vector_facts(vector)
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
end;
$function$;

comment on function zava.activate_embedding_model(text) is
    'Makes a filled model the one that search uses; the one before keeps its vectors.

p_name: name of the model';
revoke execute on function zava.activate_embedding_model(text) from public;

-- source: db/functions/search/add_embedding_model.sql
-- zava.add_embedding_model(): makes room for the vectors of a model: a partition that takes only its
-- length. Can be repeated, also at the same time. Attaching it, unlike creating it in place, lets
-- searches go on; the short lock_timeout keeps them from queueing behind this.
create or replace function zava.add_embedding_model(
    p_name text,
    p_dimensions integer
)
returns smallint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model retail.embedding_models;
    v_partition text;
begin
    if coalesce(p_name !~ '^[[:graph:]]{1,200}$', true) then
        raise exception 'not a name of an embedding model: %',
            coalesce(quote_literal(left(p_name, 60)), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use 1 to 200 characters without spaces.';
    end if;
    if coalesce(p_dimensions not between 1 and 4000, true) then
        raise exception 'vectors of % dimensions cannot be indexed', coalesce(p_dimensions, 0)
            using errcode = 'invalid_parameter_value', hint = 'Use 1 to 4000 dimensions.';
    end if;

    insert into retail.embedding_models (name, dimensions)
    values (p_name, p_dimensions)
    on conflict (name) do update
    set dimensions = excluded.dimensions, state = 'building', updated_at = now()
    where embedding_models.state = 'retired';

    select * into v_model from retail.embedding_models as m where m.name = p_name for update;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the vectors of model % have % dimensions, not %',
            p_name, v_model.dimensions, p_dimensions
            using errcode = 'invalid_parameter_value',
                  hint = 'Give vectors of another length a model name of their own.';
    end if;

    v_partition := format('product_embeddings_%s', v_model.model_id);
    if to_regclass('retail.' || v_partition) is null then
        execute format(
            'create table retail.%1$I (
                like retail.product_embeddings including defaults,
                constraint %2$I check (model_id = %3$s and %4$I.vector_dims(embedding) = %5$s)
            )',
            v_partition,
            v_partition || '_check',
            v_model.model_id,
            (
                select n.nspname
                from pg_catalog.pg_extension as e
                join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
                where e.extname = 'vector'
            ),
            p_dimensions
        );
        execute format('alter table retail.%I owner to zava_owner', v_partition);
        execute format(
            'alter table retail.product_embeddings attach partition retail.%I for values in (%s)',
            v_partition,
            v_model.model_id
        );
    end if;
    return v_model.model_id;
end;
$function$;

comment on function zava.add_embedding_model(text, integer) is
    'Makes room for the vectors of a model beside those of others, and gives its id.

p_name: name of the model
p_dimensions: length of its vectors';
revoke execute on function zava.add_embedding_model(text, integer) from public;

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 100, 200 and 400 that finds 99 of 100. Search uses it
-- from then on. Run by the administrator after an index was built; not a tool. Reads every vector as
-- often as the sample is large.
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
        foreach ef_search in array array[100, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', ef_search);
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
            into recall
            using p_sample;
            exit when recall >= 0.99;
        end loop;
        continue when recall is null;

        model := v_model.name;
        advice := case
            when recall < 0.99 then 'The index finds too little: build it anew, with a larger m.'
        end;
        insert into retail.search_recall as r (model_id, ef_search, recall)
        values (v_model.model_id, check_search_recall.ef_search, check_search_recall.recall)
        on conflict (model_id) do update
        set ef_search = excluded.ef_search, recall = excluded.recall, updated_at = now();
        return next;
    end loop;
end;
$function$;

comment on function zava.check_search_recall(integer) is
    'Measures what share of the ten nearest products the index of each model finds, and keeps the smallest ef_search that finds 99 %; advice says what to do where none does.

p_sample: how many searches to try, 1 to 1000';
revoke execute on function zava.check_search_recall(integer) from public;

-- source: db/functions/search/cross_sell.sql
-- api.cross_sell(): what the customers of the caller's stores buy together with a product. Ranked by
-- orders beyond chance: lift alone puts first what met by accident once.
create or replace function api.cross_sell(
    p_sku text,
    p_store text default null,
    p_from date default null,
    p_to date default null,
    p_min_orders integer default 2,
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
    orders_together bigint,
    support_percent numeric,
    confidence_percent numeric,
    lift numeric,
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
    v_stores constant uuid[] := api._store_filter(p_store);
begin
    perform api._require_range('p_min_orders', p_min_orders, 1, 1000000);
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with best as (
        select b.*, row_number() over (
            order by b.beyond_chance desc, b.lift desc, b.other_id
        ) as rank
        from api._bought_with(array[v_product_id], v_stores, p_from, p_to) as b
        where b.beyond_chance > 0 and b.orders_together >= p_min_orders
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.orders_together, api._percent(b.orders_together, b.orders),
        api._percent(b.orders_together, b.orders_with), b.lift,
        format(
            'in %s of the %s orders with it; %s would be chance', b.orders_together, b.orders_with,
            b.orders_together - b.beyond_chance
        )
    from best as b
    join retail.products as p on p.product_id = b.other_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id) as o
    order by b.rank;
end;
$function$;

comment on function api.cross_sell(text, text, date, date, integer, integer) is
    'What is bought in one order with a product, the most orders beyond chance first. confidence_percent: share of the orders with the product that hold the other too; support_percent: of all orders; lift: how many times more often than by chance.

p_sku: article number, for example HT-HAM-001
p_store: key of a store; null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_min_orders: fewest orders with both
p_limit: how many products, 1 to 100';
revoke execute on function api.cross_sell(text, text, date, date, integer, integer) from public;
grant execute on function api.cross_sell(text, text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/embedding_status.sql
-- zava.embedding_status(): how far each model is, for `zava-sql embed` and whoever looks after it.
create or replace function zava.embedding_status()
returns table (
    model text,
    state text,
    dimensions integer,
    products bigint,
    embedded bigint,
    missing bigint,
    changed bigint,
    leased bigint,
    is_indexed boolean,
    size_bytes bigint
)
language sql
stable
parallel safe
security invoker
begin atomic
    with texts as materialized (
        select t.product_id, t.content_hash from zava.product_texts() as t
    )
    select
        m.name,
        m.state,
        m.dimensions,
        n.products,
        n.embedded,
        n.missing,
        n.products - n.embedded - n.missing,
        (
            select count(*)
            from zava.embedding_leases as l
            where l.model_id = m.model_id and l.leased_until > clock_timestamp()
        ),
        to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null,
        coalesce(
            pg_total_relation_size(to_regclass(format('retail.product_embeddings_%s', m.model_id))),
            0
        )
    from retail.embedding_models as m
    cross join lateral (
        select
            count(*) as products,
            count(*) filter (where e.content_hash = x.content_hash) as embedded,
            count(*) filter (where e.content_hash is null) as missing
        from texts as x
        left join retail.product_embeddings as e
            on e.model_id = m.model_id and e.product_id = x.product_id
    ) as n
    order by m.model_id;
end;

comment on function zava.embedding_status() is
    'For each model: how many products have a vector of their text, have none, or one of a text that has changed since; what workers hold; whether it is indexed; its size in bytes.';
revoke execute on function zava.embedding_status() from public;

-- source: db/functions/search/index_embedding_model.sql
-- zava.index_embedding_model(): builds the index of a model's vectors, once they are all there: a
-- graph built over a full table is better and sooner done than one that grows. Searches go on
-- meanwhile. m and ef_construction are chosen for recall, not for size (docs/search.md).
create or replace function zava.index_embedding_model(
    p_name text
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_index text := format('product_embeddings_%s_embedding_idx', v_model_id);
    v_statement text;
    v_memory bigint;
begin
    -- One at a time: whoever comes second finds it built.
    perform from retail.embedding_models as m where m.model_id = v_model_id for update;
    if to_regclass('retail.' || v_index) is not null then
        return false;
    end if;

    -- A graph that does not fit into memory takes many times as long.
    select count(*) * (m.dimensions * 2 + 1200) / 1024 + 8192
    into v_memory
    from retail.embedding_models as m
    join retail.product_embeddings as e on e.model_id = m.model_id
    where m.model_id = v_model_id
    group by m.dimensions;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;

    select format(
        'create index %1$I on retail.%2$I
            using hnsw ((embedding::%3$I.halfvec(%4$s)) %3$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 200)',
        v_index,
        'product_embeddings_' || v_model_id,
        n.nspname,
        m.dimensions
    )
    into v_statement
    from retail.embedding_models as m
    join pg_catalog.pg_extension as e on e.extname = 'vector'
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where m.model_id = v_model_id;
    begin
        execute v_statement;
    exception
        -- Containers often have little shared memory, which several processes would build it in.
        when disk_full or out_of_memory then
            perform set_config('max_parallel_maintenance_workers', '0', true);
            execute v_statement;
    end;
    return true;
end;
$function$;

comment on function zava.index_embedding_model(text) is
    'Builds the index of a model''s vectors; false when it is there already.

p_name: name of the model';
revoke execute on function zava.index_embedding_model(text) from public;

-- source: db/functions/search/recommend_for_customer.sql
-- api.recommend_for_customer(): what to offer a customer who bought something: what others buy with
-- it, and what is like it, merged by reciprocal rank as search does. Nothing that the customer has
-- bought. Who has bought nothing gets what most orders of the store hold.
create or replace function api.recommend_for_customer(
    p_customer_id uuid,
    p_in_stock boolean default true,
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
    score numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store_id uuid;
    v_bought uuid[];
    v_recent uuid[];
    v_sold uuid[];
begin
    perform api._require_range('p_limit', p_limit, 1, 100);
    select c.store_id into v_store_id
    from retail.customers as c
    where c.customer_id = p_customer_id;
    if v_store_id is null then
        raise exception 'customer % is not visible to you', coalesce(p_customer_id::text, 'null')
            using errcode = 'insufficient_privilege',
                  hint = 'Ids of your customers are in retail.customers.';
    end if;

    select array_agg(b.product_id), (array_agg(b.product_id order by b.last_day desc, b.product_id))[:10]
    into v_bought, v_recent
    from (
        select l.product_id, max(l.order_date) as last_day
        from retail.orders as o
        join api.sale_lines as l on l.store_id = o.store_id and l.order_id = o.order_id
        where o.store_id = v_store_id and o.customer_id = p_customer_id and not l.is_return
        group by l.product_id
    ) as b;
    select array_agg(i.product_id) into v_sold
    from retail.inventory as i
    where i.store_id = v_store_id
        and (not coalesce(p_in_stock, false) or i.stock_level > 0)
        and i.product_id <> all (coalesce(v_bought, '{}'));

    return query
    with beside as (
        select b.other_id as product_id, sum(b.beyond_chance / b.orders_with) as strength,
            (array_agg(b.product_id order by b.beyond_chance / b.orders_with desc))[1] as because,
            max(b.lift) as lift
        from api._bought_with(v_recent, array[v_store_id], null, null) as b
        where b.beyond_chance > 0 and b.other_id = any (v_sold)
        group by b.other_id
    ),
    alike as (
        select n.product_id, max(n.similarity) as strength,
            (array_agg(r.product_id order by n.similarity desc))[1] as because
        from unnest(v_recent) as r (product_id)
        cross join lateral api._nearest_products(
            api._product_embedding(r.product_id), v_sold, null, null, null, null, 20
        ) as n
        where api._product_embedding(r.product_id) is not null
        group by n.product_id
    ),
    popular as (
        select l.product_id, count(distinct l.order_id) as strength
        from api.sale_lines as l
        where v_recent is null and l.store_id = v_store_id and not l.is_return
            and l.order_date >= (api._newest_day() - 90)::timestamptz
            and l.product_id = any (v_sold)
        group by l.product_id
    ),
    lists as (
        select b.product_id,
            format('bought with %s, %s times as often as by chance', p.name, max(b.lift)) as why,
            1.0 / (20 + row_number() over (order by b.strength desc, b.product_id)) as worth
        from beside as b
        join retail.products as p on p.product_id = b.because
        group by b.product_id, b.strength, p.name
        union all
        select a.product_id, format('like %s', p.name),
            1.0 / (20 + row_number() over (order by a.strength desc, a.product_id))
        from alike as a
        join retail.products as p on p.product_id = a.because
        union all
        select q.product_id, format('in %s orders of the last 90 days; no purchase is known', q.strength),
            1.0 / (20 + row_number() over (order by q.strength desc, q.product_id))
        from popular as q
    ),
    best as (
        select l.product_id, sum(l.worth) as worth, string_agg(l.why, '; ' order by l.why) as why,
            row_number() over (order by sum(l.worth) desc, l.product_id) as rank
        from lists as l
        group by l.product_id
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, i.price, i.stock_level::bigint,
        round(b.worth, 5), b.why
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    join retail.inventory as i on i.store_id = v_store_id and i.product_id = b.product_id
    order by b.rank;
end;
$function$;

comment on function api.recommend_for_customer(uuid, boolean, integer) is
    'What to offer one of your customers: what is bought together with their last ten products, and what is like these. why: because of which product. Price and stock of the customer''s store.

p_customer_id: customer_id of retail.customers
p_in_stock: false for what is out of stock too
p_limit: how many products, 1 to 100';
revoke execute on function api.recommend_for_customer(uuid, boolean, integer) from public;
grant execute on function api.recommend_for_customer(uuid, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_words.sql
-- zava.refresh_search_words(): brings retail.search_words in line with the catalogue: every word of
-- its texts, the lexeme that search looks for, and what that is worth (the idf of BM25). Run by the
-- administrator when products were added or rewritten, and by zava-sql embed; not a tool.
-- Search works on without it, with older weights, and does not repair towards words not seen yet.
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
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_words() is
    'Counts the words of the catalogue anew for search; returns how many rows of retail.search_words were written or removed.';
revoke execute on function zava.refresh_search_words() from public;

-- source: db/functions/search/retire_embedding_model.sql
-- zava.retire_embedding_model(): drops the vectors of a model that is not live. Detaching needs the
-- table for itself for a moment; the short lock_timeout keeps searches from queueing behind it.
create or replace function zava.retire_embedding_model(
    p_name text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set lock_timeout = '3s'
as $function$
declare
    v_model_id smallint := zava._embedding_model_id(p_name);
    v_partition text := format('product_embeddings_%s', v_model_id);
    v_state text;
begin
    select m.state
    into v_state
    from retail.embedding_models as m
    where m.model_id = v_model_id
    for update;
    if v_state = 'live' then
        raise exception 'model % is live', p_name
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Activate another one first: zava-sql embed --activate.';
    end if;

    delete from zava.embedding_leases as l where l.model_id = v_model_id;
    if to_regclass('retail.' || v_partition) is not null then
        execute format(
            'alter table retail.product_embeddings detach partition retail.%I', v_partition
        );
        execute format('drop table retail.%I', v_partition);
    end if;
    update retail.embedding_models as m
    set state = 'retired', updated_at = now()
    where m.model_id = v_model_id;
end;
$function$;

comment on function zava.retire_embedding_model(text) is
    'Drops the vectors of a model that search does not use.

p_name: name of the model';
revoke execute on function zava.retire_embedding_model(text) from public;

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
    v_depth constant integer := greatest(2 * p_limit, 30);
    v_unit p_query_embedding%type;
    v_few uuid[];
    v_searched_by text;
    v_near uuid[];
    v_near_similarity real[];
    v_worded uuid[];
    v_coverage real[];
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
    v_few := api._sold_products(v_category, p_min_price, p_max_price, v_in_stock, 1500);
    select array_agg(m.product_id), array_agg(m.coverage)
    into v_worded, v_coverage
    from api._matching_products(
        v_query, v_few, v_category, p_min_price, p_max_price, v_in_stock, v_depth
    ) as m;
    if v_unit is null then
        v_searched_by := case
            when p_query_embedding is null then 'words only: the text was not embedded'
            else 'words only: no model is live'
        end;
    else
        v_searched_by := 'meaning and words';
        select array_agg(n.product_id), array_agg(n.similarity)
        into v_near, v_near_similarity
        from api._nearest_products(
            v_unit, v_few, v_category, p_min_price, p_max_price, v_in_stock, v_depth
        ) as n;
    end if;

    return query
    with lists as (
        select n.product_id, 1.0 / (20 + n.place) as worth, n.similarity, 'meaning' as side
        from unnest(v_near, v_near_similarity) with ordinality as n (product_id, similarity, place)
        union all
        select w.product_id, 2 * w.coverage ^ 2 / (20 + w.place), null, 'words'
        from unnest(v_worded, v_coverage) with ordinality as w (product_id, coverage, place)
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

p_query: what is looked for, as words or as a question
p_query_embedding: vector of p_query by the live model; null to search by words only
p_category: name of a category, for example Hand Tools; null for all
p_min_price: smallest price of a store in USD
p_max_price: largest price of a store in USD
p_in_stock: true for what is in stock only
p_min_similarity: leaves out what is less similar; null for none
p_limit: how many products, 1 to 100';
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
    v_few constant uuid[] := api._sold_products(null, null, null, v_in_stock, 1500);
    v_has_vector constant boolean := api._product_embedding(v_product_id) is not null;
begin
    perform api._require_range('p_limit', p_limit, 1, 100);

    return query
    with found as (
        select n.product_id, n.similarity, n.place
        from api._nearest_products(
            api._product_embedding(v_product_id), v_few, null, null, null, v_in_stock, p_limit + 1
        ) with ordinality as n (product_id, similarity, place)
        where v_has_vector
        union all
        select m.product_id, null, m.place
        from api._matching_products(
            (select p.name from retail.products as p where p.product_id = v_product_id),
            v_few, null, null, null, v_in_stock, p_limit + 1
        ) with ordinality as m (product_id, coverage, place)
        where not v_has_vector
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
p_in_stock: true for what is in stock only
p_limit: how many products, 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/trending_products.sql
-- api.trending_products(): products that more customers buy than before. Orders of the last p_days
-- days against those to be expected from the p_baseline_days days before. Orders, not units: one
-- that takes forty is no trend. Ranked by what is more over the square root of what was expected
-- plus one, which is how far it lies beyond accident: 3 instead of 1 come behind 90 instead of 30.
create or replace function api.trending_products(
    p_store text default null,
    p_category text default null,
    p_to date default null,
    p_days integer default 28,
    p_baseline_days integer default 84,
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
    units bigint,
    orders bigint,
    expected_orders numeric,
    growth_percent numeric,
    trend_score numeric,
    why text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
declare
    v_stores constant uuid[] := api._store_filter(p_store);
    v_category constant uuid := api._category_id(p_category);
    v_range record;
    v_first date;
begin
    perform api._require_range('p_days', p_days, 1, 365);
    perform api._require_range('p_baseline_days', p_baseline_days, 1, 730);
    perform api._require_range('p_limit', p_limit, 1, 100);
    select r.* into v_range from api._date_range(null, p_to, p_days + p_baseline_days) as r;
    v_first := v_range.date_to - p_days + 1;

    return query
    with sold as (
        select l.product_id,
            sum(l.quantity) filter (where l.sold_on >= v_first) as units,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on >= v_first) as orders,
            count(distinct (l.store_id, l.order_id)) filter (where l.sold_on < v_first) as before
        from api.sale_lines as l
        where (v_stores is null or l.store_id = any (v_stores))
            and not l.is_return
            and l.order_date >= v_range.moment_from
            and l.order_date < v_range.moment_to
            and l.sold_on between v_range.date_from and v_range.date_to
            and (v_category is null or l.category_id = v_category)
        group by l.product_id
    ),
    expected as (
        select s.*, s.before::numeric * p_days / p_baseline_days as expected
        from sold as s
    ),
    scored as (
        select e.*, (e.orders - e.expected) / sqrt(e.expected + 1) as trend_score
        from expected as e
        where e.orders > e.expected
    ),
    best as (
        select s.*, row_number() over (order by s.trend_score desc, s.product_id) as rank
        from scored as s
        order by rank
        limit p_limit
    )
    select b.rank, p.product_id, p.sku, p.name, c.name, o.price, o.stock_level, o.in_stock_at,
        b.units, b.orders, round(b.expected, 1), api._growth(b.orders, b.expected),
        round(b.trend_score, 2),
        format(
            '%s orders in %s days, %s in the %s before', b.orders, p_days, b.before, p_baseline_days
        )
    from best as b
    join retail.products as p on p.product_id = b.product_id
    join retail.categories as c on c.category_id = p.category_id
    cross join lateral api._offer(p.product_id) as o
    order by b.rank;
end;
$function$;

comment on function
    api.trending_products(text, text, date, integer, integer, integer) is
    'Products that are in more orders than before, the surest growth first. expected_orders: as many as the baseline has in p_days days; trend_score: orders beyond that over the square root of it plus one.

p_store: key of a store; null for all that you see
p_category: name of a category; null for all
p_to: last day; null for the day of the newest sale
p_days: days looked at, 1 to 365
p_baseline_days: days before to compare with, 1 to 730
p_limit: how many products, 1 to 100';
revoke execute on function api.trending_products(text, text, date, integer, integer, integer)
    from public;
grant execute on function api.trending_products(text, text, date, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
