-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores, some of
-- which have an index. Not a tool. Vectors of a store lie side by side in retail.search_assortments, of which
-- row-level security decides what is read; api._found_products() has seen that the copies are complete and of
-- the live model. Stores that sell few have all theirs compared; each of the others has an index, which
-- PostgreSQL only knows to be right by a condition whose values it sees. So what one store sells is asked for
-- by a statement that is planned each time, but not parsed. What several sell is there several times.
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
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_model_id smallint;
    v_dimensions integer;
begin
    if cardinality(p_indexed) = 1 and p_compared is null then
        select m.model_id, m.dimensions
        into v_model_id, v_dimensions
        from retail.embedding_models as m
        where m.state = 'live';

        return query
        select u.product_id, -u.distance::real
        from (
            select a.product_id, api._stored_distance(a.embedding, v_unit, v_dimensions) as distance
            from retail.search_assortments as a
            where a.store_id = p_indexed[1] and a.model_id = v_model_id
            order by distance
            limit p_limit
        ) as u
        where u.distance is not null
        order by 2 desc, 1;
        return;
    end if;
    return query execute (
        select 'select u.product_id, -min(u.distance)::real from ('
            || string_agg(
                format(
                    '(select a.product_id, api._stored_distance(a.embedding, $1, %2$s) as distance
                    from retail.search_assortments as a
                    where a.store_id = %3$L and a.model_id = %1$s
                    order by distance
                    limit $2)',
                    m.model_id, m.dimensions, i.store_id
                ),
                ' union all '
            )
            || case
                when p_compared is not null then
                    ' union all (select a.product_id, -api._similarity(a.embedding, $1) as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * cardinality($3))'
                else ''
            end
            || ') as u where u.distance is not null group by u.product_id order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
        cross join retail.embedding_models as m
        where m.state = 'live'
    )
    using v_unit, p_limit, p_compared;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;
