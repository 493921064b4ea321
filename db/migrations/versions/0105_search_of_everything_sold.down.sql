-- 0105 search of everything sold, undone.
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

-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words. Most searches have only words that the catalogue has:
-- these are read at once, and spelling is looked after for the others alone. A size in one word that the
-- catalogue does not have, such as 20v or 1/2-inch, is asked for in parts, and so is a name such as lightbulb.
-- 1 1/2 is asked for as 1-1/2, or that as this, if the catalogue writes so.
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
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_asked constant text[] := tsvector_to_array(to_tsvector('english', p_query));
    -- Of 10 in the little word is an inch, of which nothing is left to be found. What is a part of a name,
    -- such as over-ear, T-shirt, 52-709A or painter's, is no word by itself.
    v_simple constant tsvector := to_tsvector(
        'simple', regexp_replace(p_query, '([0-9]\s*)in\M|-|''s\M', '\1', 'gi')
    );
    v_size constant text := '\m([0-9]+)-?(x(?=[0-9])|[a-z]{1,4}\M)';
    v_mixed constant text := '((?:^|\s)[0-9]+)\s+([0-9]+/[0-9]+)';
    v_parts text;
    v_known bigint;
begin
    if p_query ~ v_mixed and exists (
        select
        from retail.search_lexemes as k
        where k.lexeme = substring(p_query from '(?:^|\s)[0-9]+\s+[0-9]+(/[0-9]+)')
    ) then
        return query select a.* from api._asked_words(regexp_replace(p_query, v_mixed, '\1-\2', 'g')) as a;
        return;
    end if;
    if cardinality(v_asked) <= 12 then
        select array_agg(a.query), array_agg(a.weight::real), array_agg(a.products),
            string_agg(a.query::text, ' | ')::tsquery, sum(a.weight), array_agg(a.lexeme),
            array_agg(a.places), count(*)
        into words, weights, products, any_word, total, lexemes, places, v_known
        from (
            select api._word_query(k.lexeme) as query, k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = any (v_asked)
            order by k.weight desc, k.lexeme
        ) as a;
    end if;
    if v_known is distinct from cardinality(v_asked) then
        v_parts := (
            select string_agg(
                case
                    -- Sizes and names are short. What is found in them is looked at anew, time after time.
                    when length(t.word) >= 24 or t.word !~ '[0-9]|^[[:alpha:]]{6,}$' or not exists (
                        select
                        from unnest(tsvector_to_array(to_tsvector('english', t.word))) as l (lexeme)
                        where l.lexeme <> all (coalesce(lexemes, '{}'))
                            and (l.lexeme ~ v_size or l.lexeme ~ '^/[0-9]' or t.word !~ '[0-9]')
                            and not exists (
                                select from retail.search_lexemes as k where k.lexeme = l.lexeme
                            )
                            and not exists (
                                select
                                from retail.products as p
                                where p.search_words @@ api._word_query(l.lexeme)
                            )
                    )
                        then t.word
                    when t.word ~ '[0-9]' then regexp_replace(
                        regexp_replace(t.word, '\m([0-9]+)-([0-9]+/)', '\1 \2'), v_size, '\1 \2 ', 'gi'
                    )
                    else coalesce(api._name_parts(t.word), t.word)
                end, ' ' order by t.place
            )
            from regexp_split_to_table(p_query, '\s') with ordinality as t (word, place)
        );
        if v_parts <> p_query then
            return query select a.* from api._asked_words(v_parts) as a;
            return;
        end if;
        select array_agg(a.query) filter (where a.place <= 12),
            array_agg(a.weight::real) filter (where a.place <= 12),
            array_agg(a.products) filter (where a.place <= 12),
            string_agg(a.query::text, ' | ') filter (where a.place <= 12)::tsquery,
            sum(a.weight),
            array_agg(a.lexeme) filter (where a.place <= 12),
            array_agg(a.places) filter (where a.place <= 12)
        into words, weights, products, any_word, total, lexemes, places
        from (
            select api._word_query(q.lexeme) || api._word_query(q.repaired) as query,
                coalesce(q.repaired, q.lexeme) as lexeme, q.weight, q.products, q.places,
                row_number() over (order by q.weight desc, q.lexeme) as place
            from api._query_words(p_query) as q
            order by place
        ) as a;
    end if;
    -- As many as there are without a look at their meaning: none was left out.
    if length(v_simple) <> cardinality(v_asked) then
        total := total * (
            select count(*)::real / nullif(count(*) filter (where to_tsvector('english', w.lexeme) <> ''), 0)
            from unnest(v_simple) as w
        );
    end if;
    -- Words that every product has are worth nothing, of which nobody has a share.
    total := greatest(total, 0.001);
    return next;
end;
$function$;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth; the words as they are in the catalogue, and in which products each is. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;

-- api._found_products(): the two lists of a search, by meaning and by words, of what the caller's stores
-- sell. Not a tool. Whatever the caller sells is searched the quickest way that finds it. Without filters
-- that is what zava.refresh_search_assortments() took up: words by their bits, vectors in copies of what the
-- caller's stores sell, or in the index of all for head office and others who sell much of the catalogue.
-- With a category or a price up to a quarter of the catalogue is compared one by one: what these leave may
-- lie together, far from what is asked for, and the index comes upon its outskirts first.
-- What was taken up may have changed. A row of retail.inventory is marked when it is taken up, so that a
-- new one shows; and each product found is looked up there, so that one which is gone shows. In both
-- cases nothing that was taken up is used, but all looked for anew. Who looks up what it shows anyway asks
-- for what was taken up as it is, and for all anew if it meets one that is gone.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_taken boolean default null
)
returns table (product_id uuid, place bigint, similarity real, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set hnsw.ef_search = 80
as $function$
declare
    v_few integer;
    v_products bigint;
    v_largest integer;
    v_model_id smallint;
    v_stores uuid[];
    v_effort integer;
    v_effort_all integer;
    v_sold bit varying;
    v_is_copied boolean;
    v_is_hard boolean;
    v_is_taken boolean := false;
    v_is_compared boolean;
    v_among uuid[];
    v_near uuid[];
    v_similarity real[];
    v_match uuid[];
    v_coverage real[];
begin
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and p_in_stock is not true then
        select sum(s.products), max(s.products), array_agg(s.store_id order by s.store_id),
            max(s.ef_search) filter (where s.indexed), bit_or(s.sold), bool_and(s.copied),
            bool_or(s.indexed is not true and s.products > 1500), max(f.products), max(f.model_id),
            max(f.ef_search),
            p_taken is not false
                and bool_and(s.sold is not null and s.model_id is not distinct from f.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_stores, v_effort, v_sold, v_is_copied, v_is_hard, v_few, v_model_id,
            v_effort_all, v_is_taken
        from retail.search_stores as s
        cross join api._few() as f;
        if (v_is_taken and v_is_copied) is not true then
            v_effort := null;
        elsif cardinality(v_stores) > 1 and p_embedding is not null then
            select max(r.ef_search) filter (where r.indexed), v_is_hard or coalesce(bool_or(not r.indexed), false)
            into v_effort, v_is_hard
            from retail.search_regions as r
            where r.region_id = api._region_id(v_stores) and r.model_id = v_model_id;
        end if;
    else
        v_few := (select f.products from api._few() as f);
    end if;

    -- Bits of a table would be fetched anew each time that they are used, and a copy is not.
    loop
        -- What an index of its own finds too little of lies together, and the index of all would find still
        -- less; where it has yet to be built, as after a change of the model, nobody knows.
        v_is_compared := v_is_taken and v_is_copied and v_effort is null
            and v_products <= case when v_is_hard then length(v_sold) / 2 else v_few end;
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true
            or v_is_taken and p_embedding is not null and v_effort is null and not v_is_compared
                and bit_count(v_sold) <= v_few
        then
            v_among := api._sold_products(
                p_category_id, p_min_price, p_max_price, p_in_stock,
                -- What is in stock lies everywhere.
                case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 6 * v_few end
            );
        end if;
        if p_embedding is null then
            null;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_compared(p_embedding, cardinality(v_stores), p_limit) as n;
        elsif v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_stores, p_limit) as n;
        elsif v_effort = 100 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_100(p_embedding, v_stores, p_limit) as n;
        elsif v_effort is not null then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_stores, p_limit) as n;
        elsif v_is_taken and v_among is null and v_effort_all = 80 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._index_products(p_embedding, null, null, null, false, p_limit, v_sold || '') as n;
        else
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_products(
                p_embedding, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                case when v_is_taken then v_sold || '' end
            ) as n;
        end if;
        if p_query is null then
            null;
        elsif v_is_taken then
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_copied(p_query, v_sold || '', p_limit) as m;
        else
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_products(
                p_query, case when cardinality(v_among) <= v_few then v_among end, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                least(v_largest / (25.0 * v_few), 1)::real
            ) as m;
        end if;

        exit when v_is_taken is not true or p_taken;
        exit when not exists (
            select
            from unnest(v_near || v_match) as u (product_id)
            where not exists (
                select from retail.inventory as i where i.product_id = u.product_id
            )
        );
        v_is_taken := false;
        v_effort := null;
    end loop;

    return query
    select n.product_id, n.place, n.similarity, null::real
    from unnest(v_near, v_similarity) with ordinality as n (product_id, similarity, place)
    union all
    select m.product_id, m.place, null, m.coverage
    from unnest(v_match, v_coverage) with ordinality as m (product_id, coverage, place);
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists.

p_embedding: the vector, of length 1 and of the live model; null for words only
p_query: the text; null for meaning only
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products in each list
p_taken: true for what search has taken up as it is, false for all anew, null for what is still sold of it';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    to store_manager, regional_manager, head_office;

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
    v_surer tsquery;
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
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
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
            select c.query, c.surer, c.rest into v_looked_for, v_surer, v_rest
            from api._word_combinations(
                v_asked.words, v_asked.weights, v_asked.products, v_aim
            ) as c;
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    -- Many have the last combination: they shall not crowd out the few with a better one.
                    from (values (v_surer, null), (v_looked_for, v_surer)) as q (query, done)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.search_words @@ q.query
                            and (q.done is null or not p.search_words @@ q.done)
                            and (p_category_id is null or p.category_id = p_category_id)
                            and exists (
                                select
                                from retail.inventory as i
                                where i.product_id = p.product_id
                                    and (p_min_price is null or i.price >= p_min_price)
                                    and (p_max_price is null or i.price <= p_max_price)
                                    and (p_in_stock is not true or i.stock_level > 0)
                            )
                        limit 5000
                    ) as x
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

-- api._wanted_text(): a search without what it says shall not be: "arms" of "sofa without arms", "blue" of
-- "dog bed not blue". Not a tool. By words that would find first what is not wanted: most texts name what
-- a product has. Of "not" only where no verb is denied: what "does not stick" is sold as non-stick; and not in
-- names such as forget-me-not. Three words at most, up to the next that begins something else. A text of
-- which nothing is left stays.
create or replace function api._wanted_text(
    p_query text
)
returns text
language sql
immutable
parallel safe
security invoker
begin atomic
    select case
        when p_query !~* '\m(without|w/o|not)\s' then p_query
        when to_tsvector('pg_catalog.english', w.wanted) = '' then p_query
        else w.wanted
    end
    from (
        select regexp_replace(
            p_query,
            '(?<!-|\m(do|does|did|can|could|will|would|should|must|may)\s+)\m(without|w/o|not)\s+'
            '((an?|any|the)\s+)?[^\s,;:.!?()]+'
            '(\s+(?!(and|at|but|by|for|from|has|have|in|is|are|of|on|or|that|to|which|with|without)\M)'
            '[^\s,;:.!?()]+){0,2}',
            '', 'gi'
        ) as wanted
        offset 0
    ) as w;
end;

comment on function api._wanted_text(text) is
    'A search without what follows "without" or "not".

p_query: text of the search';
revoke execute on function api._wanted_text(text) from public;
grant execute on function api._wanted_text(text)
    to store_manager, regional_manager, head_office;

drop function api._index_all_100(vector, integer);
drop function api._index_all(vector, integer);

-- sources end
reset role;
