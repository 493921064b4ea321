-- 0100 search by parts of names.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_asked_words.sql
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

-- source: db/functions/search/_name_parts.sql
-- api._name_parts(): a name in one word as the two words that products have in their names, light bulb for
-- lightbulb. Not a tool. It stays one if no product has both: most words that are unknown are misspelled.
create or replace function api._name_parts(
    p_word text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select left(p_word, n.place) || ' ' || substr(p_word, n.place + 1)
    from generate_series(3, length(p_word) - 3) as n (place)
    cross join lateral (
        select k.named
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', left(p_word, n.place)))[1]
        offset 0
    ) as a
    cross join lateral (
        select bit_count(k.named & a.named) as products
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', substr(p_word, n.place + 1)))[1]
        offset 0
    ) as b
    where b.products > 0
    order by b.products desc, n.place
    limit 1;
end;

comment on function api._name_parts(text) is
    'A word as two that are both in the name of a product; null when there is none.

p_word: a word that no product has';
revoke execute on function api._name_parts(text) from public;
grant execute on function api._name_parts(text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/search_products.sql
-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the cube of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides. Where it is said what shall not be, it counts less
-- by three quarters of what words cover at best. A product whose article number is asked for comes before both.
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
set plan_cache_mode = force_generic_plan
as $function$
declare
    -- Nothing but spaces of any kind, breadth or none is no text.
    v_query constant text := btrim(p_query, e' \t\r\n\v\f\u0085\u00a0\u00ad\u1680\u180e'
        '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f'
        '\u2028\u2029\u202f\u205f\u2060\u2800\u3000\ufeff');
    v_wanted text;
    v_words tsquery;
    v_category uuid;
    v_named uuid[];
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * least(p_limit, 100), 20);
    v_unit p_query_embedding%type;
    v_denied real := 0;
    v_searched_by text;
    v_taken boolean := num_nulls(p_category, p_min_price, p_max_price) = 3 and not v_in_stock;
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
    if p_min_price > p_max_price then
        raise exception 'p_min_price (%) is above p_max_price (%)', p_min_price, p_max_price
            using errcode = 'invalid_parameter_value', hint = 'Swap the two prices.';
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
    -- Any of the words, as they are looked for.
    v_wanted := api._wanted_text(v_query);
    v_words := replace(plainto_tsquery('english', v_wanted)::text, ' & ', ' | ')::tsquery;
    -- The vector is of all that was said, and next to it is what shall not be. The more of the rest is in
    -- words that a product has, the less the vector has to say.
    if v_wanted <> v_query then
        v_denied := 0.75;
    end if;
    -- Of fewer characters, numbers are sizes. Without any number only the text as it is can be one: a word
    -- is mostly meant as a word.
    if length(v_query) > 3 then
        v_named := array(
            select p.product_id
            from retail.products as p
            where p.product_id in (
                    select s.product_id from retail.products as s where s.sku = v_query
                    union all
                    select s.product_id
                    from retail.products as s
                    -- An array, for PostgreSQL expects thousands of words, and would read all products.
                    where upper(s.sku) = any (array(
                        select upper(t.word)
                        from (
                            select regexp_split_to_table(v_query, '[.]*[\s,;:?!()"]+|[.]+$')
                            union
                            -- In quotes of any kind, with hyphens of any kind, one beside another.
                            select btrim(
                                regexp_split_to_table(
                                    translate(v_query, u&'\2010\2011\2012\2013\2014', '-----'),
                                    '[^[:alnum:]-]+'
                                ), '-'
                            )
                        ) as t (word)
                        where v_query ~ '(?=\S{4})\S*[0-9]' and t.word ~ '[0-9]' and length(t.word) > 3
                    ))
                )
                and (v_category is null or p.category_id = v_category)
                and exists (
                    select
                    from retail.inventory as i
                    where i.product_id = p.product_id
                        and (p_min_price is null or i.price >= p_min_price)
                        and (p_max_price is null or i.price <= p_max_price)
                        and (not v_in_stock or i.stock_level > 0)
                )
        );
    end if;

    -- What was taken up for search may not be sold any more: then nothing is shown, and all looked for anew.
    loop
        return query
        with lists as (
            select f.product_id, f.similarity,
                case
                    when f.coverage is null
                        then (1 - v_denied * coalesce(max(f.coverage) over (), 0)) / (20 + f.place)
                    else 2 * f.coverage ^ 3 / (20 + f.place)
                end as worth,
                case when f.coverage is null then 'meaning' else 'words' end as side
            from api._found_products(
                v_unit, v_wanted, v_category, p_min_price, p_max_price, v_in_stock, v_depth, v_taken
            ) as f
            union all
            select n.product_id, null, 1, 'sku' from unnest(v_named) as n (product_id)
        ),
        merged as (
            select l.product_id, sum(l.worth) as worth,
                -- What only words have found is compared where that is asked for.
                coalesce(max(l.similarity), case
                    when p_min_similarity is not null then api._similarity_to(l.product_id, v_unit)
                end) as similarity,
                case
                    when bool_or(l.side = 'sku') then 'sku'
                    when count(*) = 2 then 'both'
                    else min(l.side)
                end as found_by
            from lists as l
            group by l.product_id
        ),
        best as (
            select m.*
            from merged as m
            where p_min_similarity is null or m.similarity is null or m.found_by = 'sku'
                or m.similarity >= p_min_similarity
            order by m.worth desc, m.product_id
            limit p_limit
        ),
        shown as (
            select b.*, o.*, row_number() over w as rank, every(o.stock_level is not null) over w as is_sold
            from best as b
            cross join lateral api._offer(b.product_id) as o
            -- In the order that they come in already.
            window w as (
                order by b.worth desc, b.product_id rows between unbounded preceding and unbounded following
            )
        )
        select s.rank, s.product_id, p.sku, p.name, c.name, s.price, s.stock_level, s.in_stock_at,
            round(s.worth::numeric, 5), round(s.similarity::numeric, 3), s.found_by, v_searched_by,
            ts_headline(
                'english', p.description, v_words,
                'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
            )
        from shown as s
        join retail.products as p on p.product_id = s.product_id
        join retail.categories as c on c.category_id = p.category_id
        where s.is_sold or not v_taken
        order by s.worth desc, s.product_id;
        exit when found or not v_taken;
        v_taken := false;
    end loop;
    -- No row can say so.
    if not found and v_unit is null then
        raise notice 'nothing was found; searched by %', v_searched_by;
    end if;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words, both or sku. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists, and 1 for the sku. headline: a passage of the description with the words asked for in **.

p_query: words, a question or a sku
p_query_embedding: vector of p_query by the live model, which the tool makes and a query cannot; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; where it is unknown, or asked for by sku, a product stays; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
