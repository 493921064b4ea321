-- 0015 shorter search comments, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
p_in_stock: true for what is in stock only
p_limit: how many products, 1 to 100';
revoke execute on function api.similar_products(text, boolean, integer) from public;
grant execute on function api.similar_products(text, boolean, integer)
    to store_manager, regional_manager, head_office;

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
