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
    v_unit constant retail.product_embeddings.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
begin
    select m.model_id, m.dimensions
    into v_model_id, v_dimensions
    from retail.embedding_models as m
    where m.state = 'live';

    if bit_count(p_sold) = length(p_sold) then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, v_dimensions) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    elsif p_sold is not null then
        return query
        select x.product_id, -x.distance::real
        from (
            select e.product_id, api._stored_distance(e.embedding, v_unit, v_dimensions) as distance
            from retail.product_embeddings as e
            where e.model_id = v_model_id
                and get_bit(p_sold, (
                    select n.number from retail.search_numbers as n where n.product_id = e.product_id
                ) - 1) = 1
            order by distance
            limit p_limit
        ) as x
        order by 2 desc, 1;
    else
        return query execute format(
            'select x.product_id, -x.distance::real
            from (
                select e.product_id, api._stored_distance(e.embedding, $1, %2$s) as distance
                from retail.product_embeddings as e
                where e.model_id = %1$s
                    and (select true from %3$s and i.product_id = e.product_id limit 1)
                order by distance
                limit $2
            ) as x
            order by 2 desc, 1',
            v_model_id, v_dimensions,
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
        )
        using v_unit, p_limit;
    end if;
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
