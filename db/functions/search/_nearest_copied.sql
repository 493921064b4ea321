-- api._nearest_copied(): the products nearest to a vector of all that is copied of the caller's stores. Not
-- a tool. Vectors of a store lie side by side in retail.search_assortments, of which row-level security
-- decides what is read; api._found_products() has seen that the copies are complete and of the live model.
-- Stores that sell few have all theirs compared; each of the others has an index, which PostgreSQL only
-- knows to be right by a condition that is written out. What several sell is there several times.
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
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set hnsw.iterative_scan = relaxed_order
as $function$
declare
    v_unit constant retail.search_assortments.embedding%type := p_embedding;
    v_is_one constant boolean := cardinality(p_indexed) = 1 and p_compared is null;
begin
    if p_indexed is null then
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
            limit p_limit * cardinality(p_compared)
        ) as n
        where n.similarity is not null
        order by n.similarity desc, n.product_id
        limit p_limit;
        return;
    end if;
    return query execute (
        select format(
            'select u.product_id, -%s::real from (',
            case when v_is_one then 'u.distance' else 'min(u.distance)' end
        )
            || string_agg(
                format(
                    '(select a.product_id,
                        a.embedding::%1$I.halfvec(%2$s) operator(%1$I.<#>) $1::%1$I.halfvec(%2$s)
                            as distance
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by distance
                    limit $2)',
                    n.nspname, m.dimensions, m.model_id, i.store_id
                ),
                ' union all '
            )
            || case
                when p_compared is not null then format(
                    ' union all (select a.product_id, (a.embedding operator(%1$I.<#>) $1) + 0 as distance
                    from retail.search_assortments as a
                    where a.store_id = any ($3)
                    order by distance
                    limit $2 * cardinality($3))',
                    min(n.nspname)
                )
                else ''
            end
            || ') as u where u.distance is not null'
            || case when v_is_one then '' else ' group by u.product_id' end
            || ' order by 2 desc, 1 limit $2'
        from unnest(p_indexed) as i (store_id)
        cross join retail.embedding_models as m
        cross join pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where m.state = 'live' and e.extname = 'vector'
    )
    using v_unit, p_limit, p_compared;
end;
$function$;

comment on function api._nearest_copied(vector, uuid[], uuid[], integer) is
    'Of all that is copied of the stores of the caller the products nearest to a vector.

p_embedding: the vector, of length 1 and of the live model
p_compared: the stores whose copies have no index; null for none
p_indexed: those whose copies have one; null for none
p_limit: number of products';
revoke execute on function api._nearest_copied(vector, uuid[], uuid[], integer) from public;
grant execute on function api._nearest_copied(vector, uuid[], uuid[], integer)
    to store_manager, regional_manager, head_office;
