-- api._matching_copied(): the products that have most of the words of a search, of all that is copied
-- of the caller's stores, as api._nearest_copied() has it for vectors. Not a tool.
create or replace function api._matching_copied(
    p_query text,
    p_stores bigint,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $function$
declare
    v_asked record;
begin
    select a.* into v_asked from api._asked_words(p_query) as a;

    return query
    select m.product_id, (m.worth / v_asked.total)::real
    from (
        select distinct on (w.product_id) w.product_id, w.worth, w.search_words
        from (
            select a.product_id, a.search_words,
                api._worth(a.search_words, v_asked.words, v_asked.weights) as worth
            from retail.search_assortments as a
            where a.search_words @@ v_asked.any_word
            order by worth desc
            fetch first (p_limit * p_stores) rows with ties
        ) as w
        order by w.product_id
    ) as m
    order by m.worth desc, ts_rank(m.search_words, v_asked.any_word, 1) desc, m.product_id
    limit p_limit;
end;
$function$;

comment on function api._matching_copied(text, bigint, integer) is
    'Of all that is copied of the stores of the caller the products that share most words with a search, with the share of its worth.

p_query: text of the search
p_stores: number of the stores
p_limit: number of products';
revoke execute on function api._matching_copied(text, bigint, integer) from public;
grant execute on function api._matching_copied(text, bigint, integer)
    to store_manager, regional_manager, head_office;
