-- 0058 search least, undone.
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

drop function zava.check_search_recall(integer);
drop function api._few();

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

-- api._found_products(): the two lists of a search, by meaning and by words, of what the caller's stores
-- sell. Not a tool. Whatever the caller sells is searched the quickest way that finds it. Without filters
-- that is what zava.refresh_search_assortments() took up: words by their bits, vectors in copies of a
-- store's own, or in the index of all for head office and others with several stores that sell much of
-- the catalogue.
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
set hnsw.ef_search = 100
as $function$
declare
    v_few integer;
    v_products bigint;
    v_largest integer;
    v_indexed uuid[];
    v_others uuid[];
    v_compared bigint;
    v_effort integer;
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
        select sum(s.products), max(s.products),
            array_agg(s.store_id) filter (where s.indexed),
            array_agg(s.store_id) filter (where s.indexed is not true),
            coalesce(sum(s.products) filter (where s.indexed is not true), 0),
            max(s.ef_search) filter (where s.indexed),
            bit_or(s.sold), bool_and(s.copied),
            bool_or(s.indexed is not true and s.products > 1500), max(f.products),
            p_taken is not false
                and bool_and(s.sold is not null and s.model_id is not distinct from f.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_indexed, v_others, v_compared, v_effort, v_sold, v_is_copied,
            v_is_hard, v_few, v_is_taken
        from retail.search_stores as s
        cross join api._few() as f;
    else
        v_few := (select f.products from api._few() as f);
    end if;

    -- Bits of a table would be fetched anew each time that they are used, and a copy is not.
    loop
        -- Legs of several stores take longer than the index of all where they sell much. What an index of
        -- its own finds too little of lies together, and the index of all would find still less; where it
        -- has yet to be built, as after a change of the model, nobody knows.
        v_is_compared := v_is_taken and v_is_copied
            and case
                when v_is_hard then v_compared <= length(v_sold) / 2
                else v_compared <= v_few and (
                    v_compared = v_products or v_largest = v_products
                    or v_products <= length(v_sold) / 10
                )
            end;
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true
            or v_is_taken and p_embedding is not null and not v_is_compared and bit_count(v_sold) <= v_few
        then
            v_among := api._sold_products(
                p_category_id, p_min_price, p_max_price, p_in_stock,
                -- What is in stock lies everywhere.
                case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 6 * v_few end
            );
        end if;
        if p_embedding is null then
            null;
        elsif v_is_compared and v_effort = 1000 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_1000(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared and v_effort = 400 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_400(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared and v_effort = 200 then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied_200(p_embedding, v_others, v_indexed, p_limit) as n;
        elsif v_is_compared then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_others, v_indexed, p_limit) as n;
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

        exit when v_is_taken is not true or p_taken or not exists (
            select
            from unnest(v_near || v_match) as u (product_id)
            where not exists (
                select from retail.inventory as i where i.product_id = u.product_id
            )
        );
        v_is_taken := false;
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

-- api._index_products(): follows the index of the live model from near to far until enough products
-- are found that the caller's stores sell; a bit, if bits of what they sell are given, or else
-- row-level security decides about each on the way. Not a tool. Where all bits are set none is looked at:
-- what has come since has no bit, and whoever gives bits looks up what is found.
-- Settings belong to the function, for a tenant cannot set any: an iterative scan goes on where a plain
-- one would stop with too few, and who may not sort has to follow the index. Each costs more
-- time than to look at many rows, so that there is none without need. hnsw.ef_search is its caller's.
-- What an iterative scan gives is not quite in order: all is sorted once more.
-- What is sold is asked for by its limit, which keeps it from being joined: PostgreSQL expects next to
-- nothing of filters under row-level security, and would compare each product with all that they leave.
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
    p_limit integer,
    p_sold bit varying default null
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
                and %4$s
            order by distance
            limit $2
        ) as x
        order by 2 desc, 1',
        v_model.schema, v_model.model_id, v_model.dimensions,
        case
            when p_sold is null then format(
                '(select true from %s and i.product_id = e.product_id limit 1)',
                api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
            )
            when bit_count(p_sold) = length(p_sold) then 'true'
            else 'get_bit($3, (
                select n.number from retail.search_numbers as n where n.product_id = e.product_id
            ) - 1) = 1'
        end
    )
    using p_embedding, p_limit, p_sold;
end;
$function$;

comment on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products nearest to a vector, by the index.

p_embedding: the vector, of length 1 and of the live model
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold';
revoke execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._index_products(vector, uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

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
    v_words integer;
    -- A set of words is a number: 1 for the first, 2 for the second, 3 for both.
    v_set integer;
    v_hits bit varying[];
    v_worths real[] := array_fill(null::real, array[63]);
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

    for v_word in 1 .. v_words loop
        for v_others in 0 .. (1 << v_word - 1) - 1 loop
            v_set := v_others + (1 << v_word - 1);
            v_hit := case when v_others = 0 then p_sold else v_hits[v_others] end & v_places[v_word];
            if bit_count(v_hit) > 0 then
                v_hits[v_set] := v_hit;
                v_worths[v_set] := v_weights[v_word] + coalesce(v_worths[v_others], 0);
            end if;
        end loop;
    end loop;

    for v_set in
        select s.chosen
        from unnest(v_worths) with ordinality as s (worth, chosen)
        where s.worth is not null
        order by s.worth desc, s.chosen
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
    select w.product_id, (w.worth / v_total)::real
    from (
        select n.product_id, n.search_words,
            (
                select coalesce(sum(q.weight), 0)
                from unnest(v_queries, v_weights) as q (query, weight)
                where n.search_words @@ q.query
            ) as worth
        from retail.search_numbers as n
        where n.number = any (array(
            select p.place
            from unnest(
                array[p_sold # v_left, v_named, v_some],
                array[p_limit, v_room, v_room - coalesce(bit_count(v_named), 0)]
            ) as f (bits, room)
            cross join lateral api._first_places(f.bits, f.room::integer) as p
            where f.room > 0 and bit_count(f.bits) > 0
        ))
    ) as w
    order by w.worth desc, api._worth(ts_filter(w.search_words, '{a}'), v_queries, v_weights) desc,
        ts_rank(w.search_words, v_any_word, 1) desc, w.product_id
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

-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores. Not
-- a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level security
-- decides what is read; api._found_products() has seen that the copies are complete and of the live model.
-- Stores that sell few have all theirs compared; each of the others has an index, which PostgreSQL only
-- knows to be right by a condition that is written out. What several sell is there several times.
-- hnsw.ef_search is its caller's.
create or replace function api._nearest_copied(
    p_embedding vector,
    p_compared uuid[],
    p_indexed uuid[],
    p_limit integer
)
returns table (product_id uuid, similarity real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_is_one constant boolean := cardinality(p_indexed) = 1 and p_compared is null;
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
            limit p_limit * cardinality(p_compared)
        ) as n
        where n.similarity is not null
        order by n.similarity desc, n.product_id
        limit p_limit;
        return;
    end if;
    return query execute (
        select format(
            'select u.product_id, -%s::real from (',
            case when v_is_one then 'u.distance' else 'min(u.distance)' end
        )
            || string_agg(
                format(
                    '(select a.product_id,
                        a.embedding::%1$I.halfvec(%2$s) operator(%1$I.<#>) $1::%1$I.halfvec(%2$s)
                            as distance
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by distance
                    limit $2)',
                    n.nspname, m.dimensions, m.model_id, i.store_id
                ),
                ' union all '
            )
            || case
                when p_compared is not null then format(
                    ' union all (select a.product_id, (a.embedding operator(%1$I.<#>) $1) + 0 as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * cardinality($3))',
                    min(n.nspname)
                )
                else ''
            end
            || ') as u where u.distance is not null'
            || case when v_is_one then '' else ' group by u.product_id' end
            || ' order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
        cross join retail.embedding_models as m
        cross join pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where m.state = 'live' and e.extname = 'vector'
    )
    using v_unit, p_limit, p_compared;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;

-- api._nearest_products(): the products whose vectors are nearest to one. Not a tool.
-- Few products are compared one by one: exact. Among many the index is followed, with the ef_search
-- that zava.check_search_recall() has found to be enough for it; with a category or a price with the most,
-- for what these leave may lie together, far from what is asked for.
create or replace function api._nearest_products(
    p_embedding vector,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_sold bit varying default null
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
    select
        m.model_id,
        case when num_nulls(p_category_id, p_min_price, p_max_price) < 3 then 400 else r.ef_search end
            as ef_search
    into v_model
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';

    if p_products is not null then
        return query
        select e.product_id, api._similarity(e.embedding, v_unit) as similarity
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id and e.product_id = any (p_products)
        order by similarity desc, e.product_id
        limit p_limit;
    elsif v_model.ef_search = 400 then
        return query
        select n.product_id, n.similarity
        from api._index_products_400(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 200 then
        return query
        select n.product_id, n.similarity
        from api._index_products_200(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    elsif v_model.ef_search = 150 then
        return query
        select n.product_id, n.similarity
        from api._index_products_150(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    end if;
end;
$function$;

comment on function
    api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying) is
    'Products by the similarity of their vectors to one, the nearest first.

p_embedding: the vector, of length 1 and of the live model
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_sold: without filters: a bit for each number in retail.search_numbers that is sold; null to look it up';
revoke execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    from public;
grant execute on function api._nearest_products(vector, uuid[], uuid, numeric, numeric, boolean, integer, bit varying)
    to store_manager, regional_manager, head_office;

-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 100, 150, 200 and 400 that finds 99 of 100, or the most
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
        foreach v_ef_search in array array[100, 150, 200, 400] loop
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
    -- One at a time: whoever comes second finds it built, if it looks by a snapshot of its own and not by
    -- to_regclass(), which may not have heard of it yet.
    perform from retail.embedding_models as m where m.model_id = v_model_id for update;
    if zava._has_embedding_index(v_model_id) then
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

-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, or measures it again where a tenth of what the store sells has changed
-- since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by what lies between three products that the store does not sell, for
-- questions are as hard as that: each of these itself is mostly next to one that is sold. It is searched with
-- the least effort of 100, 200, 400 and 1,000 that finds enough, as long as that takes less than to compare all;
-- if none does, it is not used.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_store record;
    v_index name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select s.store_id, s.products, s.ef_search, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.products > 1500 and e.extname = 'vector'
        and (s.indexed is null or s.ef_search is null or s.changed > s.products / 10)
    order by s.products desc, s.store_id
    limit 1;
    if not found then
        perform set_config('lock_timeout', '1s', true);
        for v_index in
            select c.relname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            where i.indrelid = 'retail.search_assortments'::regclass
                and not i.indisprimary
                and not exists (
                    select
                    from retail.search_stores as s
                    where s.copied and s.products > 1500
                        and c.relname = format(
                            'search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), s.model_id
                        )
                )
        loop
            begin
                execute format('drop index retail.%I', v_index);
            exception
                when lock_not_available then null;
            end;
        end loop;
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
            with (m = 24, ef_construction = 400)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    foreach v_effort in array array[100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_store.products / 7, 100);
        execute format('set local hnsw.ef_search = %s', v_effort);
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
                    select %1$I.l2_normalize(
                        e.embedding operator(%1$I.+) lead(e.embedding) over w
                            operator(%1$I.+) lead(e.embedding, 2) over w
                    ) as embedding
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %3$s and not exists (
                            select
                            from retail.search_assortments as a
                            where a.store_id = %4$L and a.product_id = e.product_id
                        )
                        order by place
                        limit 52
                    ) as e
                    window w as (order by e.place)
                ) as q
                where q.embedding is not null
            ) as c',
            v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
        )
        into v_recall;
        v_store.ef_search := v_effort;
        exit when v_recall is null or v_recall >= 0.99;
    end loop;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, ef_search = v_store.ef_search, changed = 0, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides. A product whose article number is asked for comes
-- before both.
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
    -- Nothing but spaces of any kind, breadth or none is no text.
    v_query constant text := btrim(p_query, e' \t\r\n\v\f\u0085\u00a0\u00ad\u1680\u180e'
        '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f'
        '\u2028\u2029\u202f\u205f\u2060\u2800\u3000\ufeff');
    v_words tsquery;
    v_category uuid;
    v_named uuid[];
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * least(p_limit, 100), 20);
    v_unit p_query_embedding%type;
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
    v_words := replace(plainto_tsquery('english', v_query)::text, ' & ', ' | ')::tsquery;
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
                    join retail.products as s on upper(s.sku) = upper(t.word)
                    where v_query ~ '(?=\S{4})\S*[0-9]' and t.word ~ '[0-9]' and length(t.word) > 3
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
                    when f.coverage is null then 1.0 / (20 + f.place)
                    else 2 * f.coverage ^ 2 / (20 + f.place)
                end as worth,
                case when f.coverage is null then 'meaning' else 'words' end as side
            from api._found_products(
                v_unit, v_query, v_category, p_min_price, p_max_price, v_in_stock, v_depth, v_taken
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
            select m.*, row_number() over (order by m.worth desc, m.product_id) as rank
            from merged as m
            where p_min_similarity is null or m.similarity is null or m.found_by = 'sku'
                or m.similarity >= p_min_similarity
            order by rank
            limit p_limit
        ),
        shown as (
            select b.*, o.*, every(o.stock_level is not null) over () as is_sold
            from best as b
            cross join lateral api._offer(b.product_id) as o
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
        order by s.rank;
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
p_query_embedding: vector of p_query by the live model; null to search by words only
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

drop function api._stored_distance(halfvec, halfvec, integer);
drop function api._nearest_copied_100(vector, uuid[], uuid[], integer);
drop function api._nearest_compared(vector, integer, integer);
revoke execute on function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying) from store_manager, regional_manager, head_office;
drop function api._index_products_60(vector, uuid, numeric, numeric, boolean, integer, bit varying)
   ;

-- sources end

update retail.search_recall as r set ef_search = 100 where r.ef_search = 60;
update retail.search_stores as s set ef_search = 100 where s.ef_search = 80;
alter table retail.search_recall
    drop constraint search_recall_ef_search_check,
    add constraint search_recall_ef_search_check check (ef_search in (100, 150, 200, 400));
alter table retail.search_stores
    drop constraint search_stores_ef_search_check,
    add constraint search_stores_ef_search_check check (ef_search in (100, 200, 400, 1000));
reset role;
