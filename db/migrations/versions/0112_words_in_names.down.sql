-- 0112 words in names, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._matching_copied(): the products that have most of the words of a search, by what was counted when
-- search was refreshed. Not a tool. A word has a bit for each product of the catalogue, and so has what
-- the caller sells: combinations of the six rarest words are made of these bits, and products taken of
-- the best ones until there are enough or none is left; the other words come last. No product is read but
-- those that are best. Among equals, of which there may be thousands, those that have the words in their
-- names go first, then those of the shortest texts, which have the lowest numbers.
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
    v_is_all constant boolean := bit_count(p_sold) = length(p_sold);
    v_words integer;
    -- A set of words is a number: 1 for the first, 2 for the second, 3 for both.
    v_set integer;
    v_hits bit varying[];
    v_worths real[];
    v_hit bit varying;
    v_left bit varying := p_sold;
    v_number bigint;
    v_room bigint := p_limit;
    v_named bit varying;
    v_some bit varying;
begin
    select a.words, a.weights, a.any_word, a.total, a.lexemes, a.places
    into v_queries, v_weights, v_any_word, v_total, v_lexemes, v_places
    from api._asked_words(p_query) as a;
    if v_queries is null then
        return;
    end if;
    v_words := least(cardinality(v_places), 6);
    v_worths := array_fill(null::real, array[(1 << v_words) - 1]);

    for v_word in 1 .. v_words loop
        for v_others in 0 .. (1 << v_word - 1) - 1 loop
            v_set := v_others + (1 << v_word - 1);
            v_hit := case
                when v_others > 0 then v_hits[v_others] & v_places[v_word]
                when v_is_all then v_places[v_word]
                else p_sold & v_places[v_word]
            end;
            if bit_count(v_hit) > 0 then
                v_hits[v_set] := v_hit;
                v_worths[v_set] := v_weights[v_word] + coalesce(v_worths[v_others], 0);
            end if;
        end loop;
    end loop;

    foreach v_set in array array(
        select s.chosen
        from unnest(v_worths) with ordinality as s (worth, chosen)
        where s.worth is not null
        order by s.worth desc, s.chosen
    )
    loop
        v_hit := case when v_room = p_limit then v_hits[v_set] else v_left & v_hits[v_set] end;
        v_number := bit_count(v_hit);
        continue when v_number = 0;

        if v_number > v_room then
            v_named := (
                select v_hit & bit_and(l.named)
                from unnest(v_lexemes[: v_words]) with ordinality as w (lexeme, place)
                join retail.search_lexemes as l on l.lexeme = w.lexeme
                where v_set >> (w.place - 1)::integer & 1 = 1
            );
            v_some := case when bit_count(v_named) < v_room then v_hit # v_named else '' end;
            exit;
        end if;
        v_room := v_room - v_number;
        v_left := v_left # v_hit;
        exit when v_room = 0;
    end loop;
    if v_some is null and cardinality(v_places) > 6 then
        v_some := v_left & (select bit_or(w.places) from unnest(v_places[7:]) as w (places));
    end if;

    return query
    select n.product_id, (w.worth / v_total)::real
    from retail.search_numbers as n
    cross join lateral (
        select coalesce(sum(q.weight) filter (where n.search_words @@ q.query), 0) as worth,
            coalesce(sum(q.weight) filter (where a.words @@ q.query), 0) as named
        from (select ts_filter(n.search_words, '{a}') as words offset 0) as a
        cross join unnest(v_queries, v_weights) as q (query, weight)
    ) as w
    where n.number = any (array(
        select p.place
        from unnest(
            array[p_sold # v_left, v_named, v_some],
            array[p_limit, v_room, v_room - coalesce(bit_count(v_named), 0)]
        ) as f (bits, room)
        cross join lateral api._first_places(f.bits, f.room::integer) as p
        where f.room > 0 and bit_count(f.bits) > 0
    ))
    order by w.worth desc, w.named desc, ts_rank(n.search_words, v_any_word, 1) desc, n.product_id
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
    v_named tsquery;
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
    -- Any of the words, in a name.
    v_named := regexp_replace(v_asked.any_word::text, '''(''''|[^''])*''', '\&:A', 'g');

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
                    -- Many have the last combination: they shall not crowd out the few with a better one, nor
                    -- those that have a word in their names.
                    from (
                        values (v_surer && v_named, null),
                            (v_surer, v_surer && v_named),
                            (v_looked_for && v_named, v_surer),
                            (v_looked_for, coalesce(v_surer, '') || (v_looked_for && v_named))
                    ) as q (query, done)
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
                    limit 10000
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
    v_wanted text := v_query;
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
    if v_query ~* '\m(without|w/o|not|except|excluding|other\s+than|apart\s+from)\s' then
        v_wanted := api._wanted_text(v_query);
        -- The vector is of all that was said, and next to it is what shall not be. The more of the rest is in
        -- words that a product has, the less the vector has to say.
        if v_wanted <> v_query then
            v_denied := 0.75;
        end if;
    end if;
    v_words := replace(plainto_tsquery('english', v_wanted)::text, ' & ', ' | ')::tsquery;
    -- Of fewer characters, numbers are sizes. Without any number only the text as it is can be one: a word
    -- is mostly meant as a word.
    if length(v_query) > 3
        and (v_query ~ '[0-9]' or exists (select from retail.products as p where p.sku = v_query))
    then
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
