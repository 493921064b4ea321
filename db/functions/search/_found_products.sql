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
-- What is near is in the list of words as well, if it has any, and leaves half of the room there: of hundreds
-- with the same words few have a place, and would all come before what is named so as well, and nearer.
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
    v_room integer;
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
        v_room := case when v_near is null then p_limit else (p_limit + 1) / 2 end;
        if p_query is null then
            null;
        elsif v_is_taken then
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_copied(p_query, v_sold || '', v_room, v_near) as m;
        else
            select array_agg(m.product_id), array_agg(m.coverage)
            into v_match, v_coverage
            from api._matching_products(
                p_query, case when cardinality(v_among) <= v_few then v_among end, p_category_id, p_min_price, p_max_price, p_in_stock, v_room,
                least(v_largest / (25.0 * v_few), 1)::real, v_near
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
p_limit: number of products in each list; words find half of theirs where what is near is placed there too
p_taken: true for what search has taken up as it is, false for all anew, null for what is still sold of it';
revoke execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    from public;
grant execute on function api._found_products(vector, text, uuid, numeric, numeric, boolean, integer, boolean)
    to store_manager, regional_manager, head_office;
