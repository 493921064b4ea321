-- 0019 search speed, undone.
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

-- sources begin (written by scripts/freeze up to the end mark)

drop function api._similarity(halfvec, halfvec);
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real) from store_manager, regional_manager, head_office;
drop function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real)
   ;

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

-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Words such as how and the, which no product is about, count as asked for too: who asks
-- in sentences means more than the words.
-- All that have one of the rare words are weighed, and those that have all of the common words; as
-- long as others could still be among the first ten, those that have all but one, all but two, and
-- so on. Where few products are to be searched, each that has any word is weighed.
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
    v_common integer;
    v_found uuid[];
    v_coverage real[];
begin
    select
        array_agg(w.query order by w.place) as queries,
        array_agg(w.weight order by w.place) as weights,
        string_agg(
            format('%s::real * (x.search_words @@ %L::tsquery)::integer', w.weight, w.query), ' + '
        ) as worth,
        string_agg(w.query::text, ' | ')::tsquery as any_word,
        count(*) filter (where w.in_all <= 300)::integer as rare,
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
    if v_words.number = 0 then
        return;
    end if;

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

    -- More than six make too many combinations; the others are weighed, not looked for.
    v_common := least(v_words.number - v_rare, 6);
    for v_needed in reverse v_common .. least(v_common, 1) loop
        select string_agg(f.query, ' | ')::tsquery
        into v_any
        from (
            select v_words.queries[n]::text as query
            from generate_series(1, v_rare) as n
            union all
            select string_agg(format('(%s)', v_words.queries[v_rare + b.n]), ' & ')
            from generate_series(1, (1 << v_common) - 1) as c (chosen)
            cross join generate_series(1, v_common) as b (n)
            where v_needed > 0
                and bit_count(c.chosen::bit(6)) = v_needed
                and c.chosen & (1 << (b.n - 1)) > 0
            group by c.chosen
        ) as f;

        execute format(
            'select array_agg(z.product_id order by z.place), array_agg(z.coverage order by z.place)
            from (
                select y.product_id, (y.worth / %1$s)::real as coverage,
                    row_number() over (
                        order by y.worth desc, ts_rank(y.search_words, $3, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words, %2$s as worth
                    from retail.products as x
                    where x.search_words @@ $2 and %3$s
                    limit 5000
                ) as y
                order by place
                limit $4
            ) as z',
            v_words.total, v_words.worth, v_wanted
        )
        into v_found, v_coverage
        using p_products, v_any, v_words.any_word, p_limit;
        -- What was not looked at has at most all but one of these common words.
        exit when v_coverage[least(p_limit, 10)] * v_words.total >= (
            select coalesce(sum(w.weight), 0)
            from unnest(v_words.weights[v_rare + 1 : v_rare + v_needed - 1]) as w (weight)
        );
    end loop;

    return query
    select f.product_id, f.coverage
    from unnest(v_found, v_coverage) with ordinality as f (product_id, coverage, place)
    order by f.place;
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

-- api._sold_products(): the products that a search looks among, when these are few; null when they
-- are more than p_most. Not a tool. Few are compared one by one, which finds all; for many there is
-- the index, which finds too little of what is rarer than one product in 25.
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
    v_most integer := p_most;
    v_store_id uuid;
    v_more uuid[];
    v_found uuid[] := '{}';
begin
    if v_most is null then
        select coalesce(max(greatest(1500, r.products / 25)), 4000)
        into v_most
        from retail.search_recall as r
        join retail.embedding_models as m on m.model_id = r.model_id
        where m.state = 'live';
    end if;

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
p_most: how many are few; null for one in 25 of the catalogue, at least 1500';
revoke execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._sold_products(uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;

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
    v_few := api._sold_products(v_category, p_min_price, p_max_price, v_in_stock);
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
    v_few constant uuid[] := api._sold_products(null, null, null, v_in_stock);
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
p_in_stock: only what is in stock
p_limit: 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

revoke select, insert, update, delete on retail.search_stores from zava_writer;
revoke select on retail.search_stores from store_manager, regional_manager, head_office;
drop policy search_stores_writer_all on retail.search_stores;
drop policy search_stores_head_office_fence on retail.search_stores;
drop policy search_stores_regional_manager_fence on retail.search_stores;
drop policy search_stores_store_manager_fence on retail.search_stores;
drop policy search_stores_head_office_select on retail.search_stores;
drop policy search_stores_regional_manager_select on retail.search_stores;
drop policy search_stores_store_manager_select on retail.search_stores;
alter table retail.search_stores no force row level security;
alter table retail.search_stores disable row level security;
revoke select, insert, update, delete on retail.search_assortments from zava_writer;
revoke select on retail.search_assortments from store_manager, regional_manager, head_office;
drop policy search_assortments_writer_all on retail.search_assortments;
drop policy search_assortments_head_office_fence on retail.search_assortments;
drop policy search_assortments_regional_manager_fence on retail.search_assortments;
drop policy search_assortments_store_manager_fence on retail.search_assortments;
drop policy search_assortments_head_office_select on retail.search_assortments;
drop policy search_assortments_regional_manager_select on retail.search_assortments;
drop policy search_assortments_store_manager_select on retail.search_assortments;
alter table retail.search_assortments no force row level security;
alter table retail.search_assortments disable row level security;
drop function zava.refresh_search_assortments();
drop function api._worth(tsvector, tsquery[], real[]);
drop function api._word_combinations(tsquery[], real[], integer[], real);
drop function api._sold_print(uuid, uuid);
drop function api._nearest_copied(vector, bigint, integer);
drop function api._matching_copied(text, bigint, integer);
revoke execute on function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._index_products_120(vector, uuid, numeric, numeric, boolean, integer)
   ;
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer) from store_manager, regional_manager, head_office;
drop function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
   ;
drop function api._few();
drop function api._asked_words(text);

-- sources end

drop table retail.search_stores;
drop table retail.search_assortments;
update retail.search_recall as r set ef_search = 200 where r.ef_search = 120;
alter table retail.search_recall
    drop constraint search_recall_ef_search_check,
    add constraint search_recall_ef_search_check check (ef_search in (100, 200, 400));
reset role;
