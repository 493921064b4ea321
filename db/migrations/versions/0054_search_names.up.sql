-- 0054 search names.
set local lock_timeout = '3s';
set local role zava_owner;

-- The extension's types must be found by their names alone.
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
end
$vectors$;

-- Article numbers are found in any case.
-- squawk-ignore require-concurrent-index-creation
create index products_upper_sku_idx on retail.products (upper(sku));

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_asked_words.sql
-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words. Most searches have only words that the catalogue has:
-- these are read at once, and spelling is looked after for the others alone. A size in one word that the
-- catalogue does not have, such as 20v or 2x4, is asked for in parts.
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
    v_simple constant tsvector := to_tsvector('simple', p_query);
    v_size constant text := '\m([0-9]+)(x(?=[0-9])|[a-z]{1,4}\M)';
    v_parts text;
    v_known bigint;
begin
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
        if p_query ~* v_size then
            v_parts := (
                select string_agg(
                    case
                        when exists (
                            select
                            from unnest(tsvector_to_array(to_tsvector('english', t.word))) as l (lexeme)
                            where l.lexeme ~ v_size
                                and not exists (
                                    select from retail.search_lexemes as k where k.lexeme = l.lexeme
                                )
                                and not exists (
                                    select
                                    from retail.products as p
                                    where p.search_words @@ api._word_query(l.lexeme)
                                )
                        )
                            then regexp_replace(t.word, v_size, '\1 \2 ', 'gi')
                        else t.word
                    end, ' ' order by t.place
                )
                from regexp_split_to_table(p_query, '\s') with ordinality as t (word, place)
            );
        end if;
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
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
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

-- source: db/functions/search/_nearest_word.sql
-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. One that is a single slip away comes first, and is taken though it shares few trigrams: two
-- letters that changed places break four of them. In words of four letters any slip makes another word. Of spellings
-- that are nearly as near, the one that more products have.
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
    -- Of five or six letters these share so few trigrams with the word that the index does not show it.
    v_swapped constant text[] := array(
        select overlay(p_word placing reverse(substr(p_word, n, 2)) from n for 2)
        from generate_series(1, length(p_word) - 1) as n
    );
begin
    -- Numbers are sizes: another number is another thing.
    if v_schema is null or length(p_word) < 4 or p_word ~ '[0-9]' then
        return;
    end if;

    return query execute format(
        'select w.lexeme, w.weight, w.products
        from retail.search_words as w
        cross join lateral (
            select %1$I.similarity(w.word, $1) as similarity,
                length($1) > 4 and api._is_one_slip($1, w.word) as is_slip
        ) as n
        where (w.word operator(%1$I.%%) $1 or w.word = any ($2)) and (n.is_slip or n.similarity >= 0.5)
        order by n.is_slip desc, n.similarity + ln(w.products) / 50 desc, w.word
        limit 1',
        v_schema
    )
    using p_word, v_swapped;
end;
$function$;

comment on function api._nearest_word(text) is
    'The word of the catalogue with the nearest spelling; nothing when none is near, or for a number.

p_word: a word that no product has';
revoke execute on function api._nearest_word(text) from public;
grant execute on function api._nearest_word(text)
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
    -- Two may differ in case alone: then the one that is written so.
    v_product_id constant uuid := (
        select p.product_id
        from retail.products as p
        where upper(p.sku) = upper(btrim(p_sku))
        order by p.sku = btrim(p_sku) desc, p.sku
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

-- source: db/functions/search/recommend_for_customer.sql
-- api.recommend_for_customer(): what to offer a customer who bought something: what others buy with
-- it, and what is like it, merged by reciprocal rank as search does. Nothing that the customer has
-- bought. Who has bought nothing gets what most orders of the store hold.
-- Of several reasons the strongest is told, of equals that of the first product: which of them a plan
-- comes upon first depends on rows of others.
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
    where c.customer_id = p_customer_id
    -- Two stores may have given the same id.
    order by c.store_id
    limit 1;
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
    -- Empty and not null where there is none: null is everything to a search.
    v_sold := array(
        select i.product_id
        from retail.inventory as i
        where i.store_id = v_store_id
            and (not coalesce(p_in_stock, true) or i.stock_level > 0)
            and i.product_id <> all (coalesce(v_bought, '{}'))
    );

    return query
    with beside as (
        select b.other_id as product_id, sum(b.beyond_chance / b.orders_with) as strength,
            (array_agg(b.product_id order by b.beyond_chance / b.orders_with desc, b.product_id))[1]
                as because,
            max(b.lift) as lift
        from api._bought_with(v_recent, array[v_store_id], null, null) as b
        where b.beyond_chance > 0 and b.other_id = any (v_sold)
        group by b.other_id
    ),
    alike as (
        select n.product_id, max(n.similarity) as strength,
            (array_agg(r.product_id order by n.similarity desc, r.product_id))[1] as because
        from unnest(v_recent) as r (product_id)
        cross join lateral api._nearest_products(
            api._product_embedding(r.product_id), v_sold, null, null, null, null, 20
        ) as n
        where api._product_embedding(r.product_id) is not null
        group by n.product_id
    ),
    popular as (
        select l.product_id, count(distinct l.order_id) as strength
        from api._date_range(null, null, 90) as d
        join api.sale_lines as l on l.order_date >= d.moment_from and l.sold_on >= d.date_from
        where v_recent is null and l.store_id = v_store_id and not l.is_return
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
    'What to offer one of your customers: what is bought together with their last ten products, and what is like these; to who bought nothing yet, what most orders of the last 90 days hold. score: sum of reciprocal places in both lists. why: because of which product. Price and stock of the customer''s store.

p_customer_id: customer_id of retail.customers
p_in_stock: false for what is out of stock too
p_limit: 1 to 100';
revoke execute on function api.recommend_for_customer(uuid, boolean, integer) from public;
grant execute on function api.recommend_for_customer(uuid, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/search_products.sql
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
    v_depth constant integer := greatest(2 * p_limit, 20);
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

-- sources end
reset role;
