-- api._found_products(): the two lists of a search, by meaning and by words. Not a tool. Whatever the
-- caller sells is searched the quickest way that finds it: few products that were copied side by side
-- are compared in one pass, other few are looked up one by one, and of many an index is followed.
-- What a store sold when it was copied has a print, which is another as soon as a product comes or
-- goes: then nothing is taken from the copy until zava.refresh_search_assortments() has run.
create or replace function api._found_products(
    p_embedding vector,
    p_query text,
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (product_id uuid, place bigint, similarity real, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_all constant boolean :=
        num_nulls(p_category_id, p_min_price, p_max_price) = 3 and not coalesce(p_in_stock, false);
    v_stores bigint;
    v_sold bigint;
    v_largest integer;
    v_print bigint;
    v_most integer;
    v_few uuid[];
begin
    if v_all then
        select count(*), coalesce(sum(s.products), 0), max(s.products), bit_xor(s.print),
            (select f.copied from api._few() as f)
        into v_stores, v_sold, v_largest, v_print, v_most
        from retail.search_stores as s
        where s.model_id is not distinct from (
            select m.model_id from retail.embedding_models as m where m.state = 'live'
        );
    end if;

    if v_sold <= v_most and v_print = (
        select bit_xor(api._sold_print(i.store_id, i.product_id)) from retail.inventory as i
    ) then
        if p_embedding is not null then
            return query
            select n.product_id, n.place, n.similarity, null::real
            from api._nearest_copied(p_embedding, v_stores, p_limit)
                with ordinality as n (product_id, similarity, place);
        end if;
        if p_query is not null then
            return query
            select m.product_id, m.place, null::real, m.coverage
            from api._matching_copied(p_query, v_stores, p_limit)
                with ordinality as m (product_id, coverage, place);
        end if;
        return;
    end if;

    -- One store that sold many when it was counted settles it.
    if (v_largest > v_most) is not true then
        v_few := api._sold_products(p_category_id, p_min_price, p_max_price, p_in_stock);
    end if;
    if p_embedding is not null then
        return query
        select n.product_id, n.place, n.similarity, null::real
        from api._nearest_products(
            p_embedding, v_few, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit
        ) with ordinality as n (product_id, similarity, place);
    end if;
    if p_query is not null then
        return query
        select m.product_id, m.place, null::real, m.coverage
        from api._matching_products(
            p_query, v_few, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit,
            least(v_largest / (16.0 * v_most), 1)::real
        ) with ordinality as m (product_id, coverage, place);
    end if;
end;
$function$;

comment on function
    api._found_products(vector, text, uuid, numeric, numeric, boolean, integer) is
    'The products nearest to a vector, with similarity, and those with most words of a text, with the share of its worth that they have; a product may be in both lists.

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
