-- 0109 search takes less.
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

drop function api._nearest_copied(vector, uuid[], integer);
drop function api._nearest_copied_100(vector, uuid[], integer);
drop function api._nearest_copied_1000(vector, uuid[], integer);
drop function api._nearest_copied_200(vector, uuid[], integer);
drop function api._nearest_copied_400(vector, uuid[], integer);

-- source: db/functions/search/_found_products.sql
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

-- source: db/functions/search/_matching_copied.sql
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

-- source: db/functions/search/_nearest_copied.sql
-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, which has
-- an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level
-- security decides what is read; api._found_products() has seen that the copies are complete and of the live
-- model. PostgreSQL only knows the index to be right by a condition whose values it sees, so that the statement
-- is planned each time, as any other would be here: the model is the caller's to look up. The index of several
-- stores is one of zava._region_vector(). What these sell is there several times. hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_sort = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_dimensions constant integer := cardinality(p_embedding::real[]);
    v_near record;
    v_found uuid[] := '{}';
    v_similarity real[] := '{}';
begin
    if cardinality(p_stores) = 1 then
        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_stores[1] and a.model_id = p_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    for v_near in
        select a.product_id, api._region_distance(a.embedding, v_unit, v_dimensions) as distance
        from retail.search_assortments as a
        where a.store_id = any (p_stores) and a.model_id = p_model_id
        order by distance
        limit p_limit * cardinality(p_stores)
    loop
        exit when v_near.distance is null;
        if v_near.product_id <> all (v_found) then
            v_found := v_found || v_near.product_id;
            v_similarity := v_similarity || -v_near.distance::real;
        end if;
        exit when cardinality(v_found) = p_limit;
    end loop;
    return query
    select u.product_id, u.similarity
    from unnest(v_found, v_similarity) as u (product_id, similarity)
    order by 2 desc, 1;
end;
$function$;

comment on function api._nearest_copied(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, by its index.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_100.sql
-- api._nearest_copied_100(): api._nearest_copied() with hnsw.ef_search = 100, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_100(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
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
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_100(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_100(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_100(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_1000.sql
-- api._nearest_copied_1000(): api._nearest_copied() with hnsw.ef_search = 1000, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_1000(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 1000
as $function$
begin
    return query
    select n.product_id, n.similarity
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_1000(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_1000(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_1000(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_200.sql
-- api._nearest_copied_200(): api._nearest_copied() with hnsw.ef_search = 200, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_200(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_200(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_200(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_200(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_copied_400.sql
-- api._nearest_copied_400(): api._nearest_copied() with hnsw.ef_search = 400, for an index of copies that finds
-- too little with less; a setting of a function is a constant. Not a tool.
create or replace function api._nearest_copied_400(
    p_embedding vector,
    p_model_id smallint,
    p_stores uuid[],
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
    from api._nearest_copied(p_embedding, p_model_id, p_stores, p_limit) as n;
end;
$function$;

comment on function api._nearest_copied_400(vector, smallint, uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, with more care.

p_embedding: the vector, of length 1 and of the live model
p_model_id: id of the live model
p_stores: these stores, in the order of their ids
p_limit: number of products';
revoke execute on function api._nearest_copied_400(vector, smallint, uuid[], integer) from public;
grant execute on function api._nearest_copied_400(vector, smallint, uuid[], integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/_wanted_text.sql
-- api._wanted_text(): a search without what it says shall not be: "arms" of "sofa without arms", "blue" of
-- "dog bed not blue", "white" of "paint other than white". Not a tool. By words that would find first what is not
-- wanted: most texts name what a product has. Of "not" only where no verb is denied: what "does not stick" is sold
-- as non-stick; and not in names such as forget-me-not. Three words at most, up to the next that begins something
-- else. The "but" of "hammer but not claw" and the like go with it: left behind, they would count as words that no
-- product has, and the rest for less. A text of which nothing is left stays.
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
        when to_tsvector('pg_catalog.english', w.wanted) = '' then p_query
        else w.wanted
    end
    from (
        select regexp_replace(
            p_query,
            '(?<!-|\m(do|does|did|can|could|will|would|should|must|may)\s+)'
            '\m((and|but|that|which|is|are)\s+)*'
            '(without|w/o|not|except(\s+for)?|excluding|other\s+than|apart\s+from)\s+'
            '((an?|any|the)\s+)?[^\s,;:.!?()]+'
            '(\s+(?!(and|at|but|by|for|from|has|have|in|is|are|of|on|or|that|to|which|with|without)\M)'
            '[^\s,;:.!?()]+){0,2}(\s+but\M)?',
            '', 'gi'
        ) as wanted
        offset 0
    ) as w;
end;

comment on function api._wanted_text(text) is
    'A search without what follows "without", "not", "except" and the like.

p_query: text of the search';
revoke execute on function api._wanted_text(text) from public;
grant execute on function api._wanted_text(text)
    to store_manager, regional_manager, head_office;

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
