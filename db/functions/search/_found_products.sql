-- api._found_products(): the two lists of a search, by meaning and by words, with what the caller's stores
-- ask for each product and have of it. Not a tool. Whatever the caller sells is searched the quickest way
-- that finds it. Without filters that is what zava.refresh_search_assortments() took up: words by their
-- bits, vectors in copies of a store's own, or in
-- the index of all for head office and others with several stores that sell much of the catalogue.
-- What was taken up may have changed. A row of retail.inventory is marked when it is taken up, so that a
-- new one shows; and each product found is looked up there, so that one which is gone shows. In both
-- cases nothing that was taken up is used, but all looked for anew.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (
    product_id uuid,
    place bigint,
    similarity real,
    coverage real,
    price numeric,
    stock_level bigint,
    in_stock_at text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_few constant integer := (select f.products from api._few() as f);
    v_products bigint;
    v_largest integer;
    v_stores bigint;
    v_indexed uuid[];
    v_compared bigint;
    v_sold bit varying;
    v_effort integer;
    v_nearest integer;
    v_is_copied boolean;
    v_is_of_all boolean := false;
    v_is_taken boolean := false;
    v_among uuid[];
    v_near uuid[];
    v_similarity real[];
    v_match uuid[];
    v_coverage real[];
    v_offered uuid[];
    v_prices numeric[];
    v_stock bigint[];
    v_in_stock_at text[];
begin
    if num_nulls(p_category_id, p_min_price, p_max_price) = 3 and p_in_stock is not true then
        select sum(s.products), max(s.products), count(*),
            array_agg(s.store_id) filter (where s.indexed),
            coalesce(sum(s.products) filter (where s.indexed is not true), 0),
            bit_or(s.sold), max(r.ef_search), bool_and(s.copied),
            bool_and(s.sold is not null and s.model_id is not distinct from m.model_id)
                and not exists (select from retail.inventory as i where not i.in_search)
        into v_products, v_largest, v_stores, v_indexed, v_compared, v_sold, v_effort,
            v_is_copied, v_is_taken
        from retail.search_stores as s
        left join retail.embedding_models as m on m.state = 'live'
        left join retail.search_recall as r on r.model_id = m.model_id;
        -- A quarter more than hold enough of what is sold, if that is spread evenly.
        v_nearest := ceil(1.25 * (p_limit + 5) * length(v_sold) / nullif(bit_count(v_sold), 0));
    end if;

    loop
        -- One store that sold many when it was counted settles it.
        if v_is_taken is not true and (v_largest > v_few) is not true then
            v_among := api._sold_products(p_category_id, p_min_price, p_max_price, p_in_stock);
        end if;
        if p_embedding is null then
            null;
        elsif v_is_taken and v_is_copied and v_compared <= v_few
            and (v_compared = v_products or v_stores = 1 or v_products <= length(v_sold) / 10)
        then
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_copied(p_embedding, v_stores, v_indexed, p_limit) as n;
        elsif v_is_taken and v_effort = 100 and v_nearest <= 100 then
            v_is_of_all := true;
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_of_all(p_embedding, v_nearest) as n;
        else
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from api._nearest_products(
                p_embedding, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
            ) as n;
        end if;
        if p_query is not null then
            if v_is_taken then
                select array_agg(m.product_id), array_agg(m.coverage)
                into v_match, v_coverage
                from api._matching_copied(p_query, v_sold, p_limit) as m;
            else
                select array_agg(m.product_id), array_agg(m.coverage)
                into v_match, v_coverage
                from api._matching_products(
                    p_query, v_among, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
                    least(v_largest / (25.0 * v_few), 1)::real
                ) as m;
            end if;
        end if;

        select array_agg(o.product_id), array_agg(o.price), array_agg(o.stock_level),
            array_agg(o.in_stock_at)
        into v_offered, v_prices, v_stock, v_in_stock_at
        from (
            select i.product_id, min(i.price) as price, sum(i.stock_level) as stock_level,
                string_agg(s.store_key, ', ' order by s.store_key) filter (where i.stock_level > 0)
                    as in_stock_at
            from retail.inventory as i
            join retail.stores as s on s.store_id = i.store_id
            where i.product_id = any (v_near || v_match)
            group by i.product_id
        ) as o;
        if v_is_of_all then
            v_is_of_all := false;
            select array_agg(n.product_id), array_agg(n.similarity)
            into v_near, v_similarity
            from (
                select u.product_id, u.similarity
                from unnest(v_near, v_similarity) with ordinality as u (product_id, similarity, place)
                where u.product_id = any (v_offered)
                order by u.place
                limit p_limit
            ) as n;
            if coalesce(cardinality(v_near), 0) < p_limit then
                v_is_taken := false;
                continue;
            end if;
        end if;
        exit when v_is_taken is not true
            or coalesce((v_near || v_match) <@ v_offered, v_near || v_match is null);
        v_is_taken := false;
    end loop;

    return query
    select f.product_id, f.place, f.similarity, f.coverage, o.price, o.stock_level, o.in_stock_at
    from (
        select n.product_id, n.place, n.similarity, null::real as coverage
        from unnest(v_near, v_similarity) with ordinality as n (product_id, similarity, place)
        union all
        select m.product_id, m.place, null, m.coverage
        from unnest(v_match, v_coverage) with ordinality as m (product_id, coverage, place)
    ) as f
    join unnest(v_offered, v_prices, v_stock, v_in_stock_at)
        as o (product_id, price, stock_level, in_stock_at)
        on o.product_id = f.product_id;
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists. price: the lowest of the caller''s stores; stock_level: pieces in all of them; in_stock_at: those that have some.

p_embedding: the vector, of length 1 and of the live model; null for words only
p_query: the text; null for meaning only
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products in each list';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;
