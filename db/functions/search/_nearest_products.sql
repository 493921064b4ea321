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
set hnsw.ef_search = 80
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
    elsif v_model.ef_search = 80 then
        return query
        select n.product_id, n.similarity
        from api._index_products(
            p_embedding, p_category_id, p_min_price, p_max_price, p_in_stock, p_limit, p_sold
        ) as n;
    else
        return query
        select n.product_id, n.similarity
        from api._index_products_100(
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
