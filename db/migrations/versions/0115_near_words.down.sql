-- 0115 near words, undone.
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

revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real, uuid[]) from store_manager, regional_manager, head_office;
drop function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real, uuid[])
   ;
drop function api._matching_copied(text, bit varying, integer, uuid[]);

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
        select s.products, s.largest, s.stores, s.effort, s.sold, s.are_copied, s.is_hard, f.products, f.model_id,
            f.ef_search, p_taken is not false and s.are_taken
        into v_products, v_largest, v_stores, v_effort, v_sold, v_is_copied, v_is_hard, v_few, v_model_id,
            v_effort_all, v_is_taken
        from api._few() as f
        cross join (
            select coalesce(max(n.number), 0) as products from retail.search_numbers as n
        ) as n
        cross join lateral (
            select sum(t.products) as products, max(t.products) as largest,
                array_agg(t.store_id order by t.store_id) as stores,
                max(t.ef_search) filter (where t.indexed) as effort,
                -- Bits are long. Beside who sells all nobody has one more.
                bit_or(t.sold) filter (where t.most <> n.products or t.products = n.products) as sold,
                bool_and(t.copied) as are_copied,
                bool_or(t.indexed is not true and t.products > 1500) as is_hard,
                bool_and(t.sold is not null and t.model_id is not distinct from f.model_id)
                    and not exists (select from retail.inventory as i where not i.in_search) as are_taken
            from (
                select o.*, max(o.products) over () as most from retail.search_stores as o
            ) as t
        ) as s;
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
        v_near := null;
        -- Who sells all passes nothing over. There is no more than the effort, and less where rows are gone.
        if v_is_taken and v_among is null and v_effort is null and not v_is_compared
            and p_embedding is not null and bit_count(v_sold) = length(v_sold) and p_limit <= v_effort_all
        then
            if v_effort_all = 80 then
                select array_agg(n.product_id), array_agg(n.similarity)
                into v_near, v_similarity
                from api._index_all(p_embedding, p_limit) as n;
            elsif v_effort_all = 100 then
                select array_agg(n.product_id), array_agg(n.similarity)
                into v_near, v_similarity
                from api._index_all_100(p_embedding, p_limit) as n;
            end if;
        end if;
        if p_embedding is null or cardinality(v_near) = p_limit then
            null;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_compared(p_embedding, cardinality(v_stores), p_limit) as n;
        elsif v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort = 100 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_100(p_embedding, v_model_id, v_stores, p_limit) as n;
        elsif v_effort is not null then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_model_id, v_stores, p_limit) as n;
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

-- api._matching_copied(): the products that have most of the words of a search, by what was counted when
-- search was refreshed. Not a tool. A word has a bit for each product of the catalogue, and so has what
-- the caller sells: combinations of the six rarest words are made of these bits, and products taken of
-- the best ones until there are enough or none is left; the other words come last. No product is read but
-- those that are best. Among equals, of which there may be thousands, those that have the words in their
-- names go first, then those of the shortest texts, which have the lowest numbers. What a word is worth
-- counts by two thirds if it is not in the name: a description names what goes with the product as well.
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
    select n.product_id, ((2 * w.worth + w.named) / (3 * v_total))::real
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
    'Of products given by their numbers in retail.search_numbers those that share most words with a search, with the share of its worth, of which a third is for names.

p_query: text of the search
p_sold: a bit for each number
p_limit: number of products';
revoke execute on function api._matching_copied(text, bit varying, integer) from public;
grant execute on function api._matching_copied(text, bit varying, integer)
    to store_manager, regional_manager, head_office;

-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Of a word that is not in the name two thirds are covered: a description names what goes with
-- the product as well.
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
    select f.product_id,
        ((2 * f.worth + api._worth(
            ts_filter(p.search_words, '{a}'), v_asked.words, v_asked.weights
        )) / (3 * v_asked.total))::real
    from unnest(v_found, v_worth) with ordinality as f (product_id, worth, place)
    join retail.products as p on p.product_id = f.product_id
    order by f.place;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real) is
    'Products by the words that they share with a search, the most first, with the share of its worth, of which a third is for names.

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

-- sources end
reset role;
