-- 0034 search article numbers.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

DROP FUNCTION IF EXISTS api._offer(uuid);

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
        v_parts := regexp_replace(p_query, '\m([0-9]+)(x(?=[0-9])|[a-z]{1,4}\M)', '\1 \2 ', 'gi');
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

-- source: db/functions/search/_offer.sql
-- api._offer(): what the caller's stores ask for a product and have of it. Not a tool.
create or replace function api._offer(
    p_product_id uuid,
    p_stores uuid[] default null
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
    where i.product_id = p_product_id and (p_stores is null or i.store_id = any (p_stores));
end;

comment on function api._offer(uuid, uuid[]) is
    'Lowest price, pieces on hand and stores that have some, among the stores of the caller; nulls when none sells it.

p_product_id: the product
p_stores: only these stores; null for all that the caller sees';
revoke execute on function api._offer(uuid, uuid[]) from public;
grant execute on function api._offer(uuid, uuid[]) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_similarity_to.sql
-- api._similarity_to(): how near a product is to a vector. Not a tool. For the few that were found by words
-- alone, where a search asks for a smallest similarity. Its cost is written down as small: a statement
-- that may call it, and mostly does not, shall keep its plan.
create or replace function api._similarity_to(
    p_product_id uuid,
    p_unit vector
)
returns real
language plpgsql
stable
parallel restricted
security invoker
cost 1
set search_path = pg_catalog, pg_temp
as $function$
begin
    return api._similarity(api._product_embedding(p_product_id), p_unit);
end;
$function$;

comment on function api._similarity_to(uuid, vector) is
    'Cosine of the vector of a product by the live model and another one of length 1; null when it has none yet.

p_product_id: the product
p_unit: the other vector';
revoke execute on function api._similarity_to(uuid, vector) from public;
grant execute on function api._similarity_to(uuid, vector)
    to store_manager, regional_manager, head_office;

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
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function api.cross_sell(text, text, date, date, integer, integer) is
    'What is bought in one order with a product, the most orders beyond chance first. confidence_percent: share of the orders with the product that hold the other too; support_percent: of all orders; lift: how many times more often than by chance. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_sku: article number, for example HT-HAM-001
p_store: key of a store; null for all that you see
p_from: first day; null for 364 days before p_to
p_to: last day; null for the day of the newest sale
p_min_orders: with both
p_limit: 1 to 100';
revoke execute on function api.cross_sell(text, text, date, date, integer, integer) from public;
grant execute on function api.cross_sell(text, text, date, date, integer, integer)
    to store_manager, regional_manager, head_office;

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
p_limit: 1 to 100';
revoke execute on function api.recommend_for_customer(uuid, boolean, integer) from public;
grant execute on function api.recommend_for_customer(uuid, boolean, integer)
    to store_manager, regional_manager, head_office;

-- source: db/functions/search/refresh_search_assortments.sql
-- zava.refresh_search_assortments(): takes up for search what stores sell: of every store a bit for each
-- product of the catalogue, of stores that sell up to half of it the vectors as well, side by side in
-- retail.search_assortments. Run by zava.refresh_search_words() and when a model becomes live; not a tool.
-- Rows of retail.inventory are marked as taken up first, so that one which comes while this runs is not,
-- and search sees it; a row that somebody else is changing stays for the next time, as does a product
-- that has no number yet. Indexes of the copies are built by zava.index_search_assortments(), for that
-- takes long and rows marked are locked until this is committed.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (select f.model_id from api._few() as f);
    v_most constant integer := (select f.copied from api._few() as f);
    v_products constant integer := (select count(*) from retail.search_numbers);
    v_copied uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    update retail.inventory as i
    set in_search = true
    from (
        select i.store_id, i.product_id
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where not i.in_search
        for no key update of i skip locked
    ) as u
    where i.store_id = u.store_id and i.product_id = u.product_id;

    v_copied := array(
        select i.store_id
        from retail.inventory as i
        where i.in_search
        group by i.store_id
        having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_copied)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id and i.in_search
            )
        returning 1
    ),
    -- In the order of the key, so that what is read together lies together. A vector may be of a
    -- transaction that began before the last copies were made and ended after.
    written as (
        insert into retail.search_assortments as a (store_id, product_id, model_id, embedding)
        select i.store_id, i.product_id, v_model_id, e.embedding
        from retail.inventory as i
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_copied)
            and i.in_search
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.updated_at <= e.updated_at + interval '5 minutes'
                    and c.embedding::real[] is distinct from e.embedding::real[]
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding, updated_at = now()
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    delete from retail.search_stores as s
    where not exists (
        select from retail.inventory as i where i.store_id = s.store_id and i.in_search
    );
    insert into retail.search_stores as s (store_id, products, copied, sold, model_id)
    select p.store_id, count(*), p.store_id = any (v_copied),
        rpad(string_agg(lpad('1', p.step, '0'), '' order by p.number), v_products, '0')::varbit,
        v_model_id
    from (
        select i.store_id, n.number,
            n.number - lag(n.number, 1, 0) over (partition by i.store_id order by n.number) as step
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where i.in_search
    ) as p
    group by p.store_id
    on conflict (store_id) do update
    set products = excluded.products, copied = excluded.copied, sold = excluded.sold,
        model_id = excluded.model_id, updated_at = now(),
        indexed = case when excluded.copied and s.model_id = excluded.model_id then s.indexed end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

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
    v_query constant text := btrim(p_query, e' \t\r\n');
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
    -- Of fewer characters, numbers are sizes.
    if v_query ~ '(?=\S{4})\S*[0-9]' then
        v_named := array(
            select p.product_id
            from retail.products as p
            where p.sku in (
                    select w.sku
                    from regexp_split_to_table(v_query, '[.]*[\s,;:?!()"]+|[.]+$') as t (word)
                    cross join lateral (values (t.word), (upper(t.word))) as w (sku)
                    where t.word ~ '[0-9]' and length(t.word) > 3
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
            where p_min_similarity is null or m.similarity is null or m.similarity >= p_min_similarity
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
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words, both or sku. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists, and 1 for the sku. headline: the description with the words asked for in **.

p_query: words, a question or a sku
p_query_embedding: vector of p_query by the live model; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; where it is unknown a product stays; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
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
    cross join lateral api._offer(p.product_id, v_stores) as o
    order by b.rank;
end;
$function$;

comment on function
    api.trending_products(text, text, date, integer, integer, integer) is
    'Products that are in more orders than before, the surest growth first. expected_orders: as many as the baseline has in p_days days; trend_score: orders beyond that over the square root of it plus one. price: the lowest of these stores, in USD without tax, null if none sells it now; stock_level: pieces in all of them.

p_store: key of a store; null for all that you see
p_category: name of a category; null for all
p_to: last day; null for the day of the newest sale
p_days: 1 to 365
p_baseline_days: days before these, 1 to 730
p_limit: 1 to 100';
revoke execute on function api.trending_products(text, text, date, integer, integer, integer)
    from public;
grant execute on function api.trending_products(text, text, date, integer, integer, integer)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
