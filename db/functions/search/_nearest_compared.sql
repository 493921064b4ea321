-- api._nearest_compared(): the products nearest to a vector of all that is copied of the caller's stores, all of
-- which are compared. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which
-- row-level security decides what is read; api._found_products() has seen that the copies are complete and of
-- the live model. What several stores sell is there several times.
create or replace function api._nearest_compared(
    p_embedding vector,
    p_stores integer,
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
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
begin
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
        limit p_limit * p_stores
    ) as n
    where n.similarity is not null
    order by n.similarity desc, n.product_id
    limit p_limit;
end;
$function$;

comment on function api._nearest_compared(vector, integer, integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector, all being compared.

p_embedding: the vector, of length 1 and of the live model
p_stores: how many stores these are
p_limit: number of products';
revoke execute on function api._nearest_compared(vector, integer, integer) from public;
grant execute on function api._nearest_compared(vector, integer, integer)
    to store_manager, regional_manager, head_office;
