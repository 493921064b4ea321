-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Of a word that is not in the name two thirds are covered: a description names what goes with
-- the product as well.
-- Where few products are to be searched, each that has any word is weighed. Else those that have the
-- best combinations of words are looked up; as long as others could still be among the first ten,
-- those that have the next best. Products that others have found are given their places beside these.
create or replace function api._matching_products(
    p_query text,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer,
    p_share real default 1,
    p_beside uuid[] default null
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_asked record;
    v_looked_for tsquery;
    v_surer tsquery;
    v_named tsquery;
    v_rest real := 0;
    -- Of what is looked up, the caller sells this share.
    v_aim real := 30 / greatest(p_share, 0.03);
    v_found uuid[];
    v_worth real[];
begin
    select a.* into v_asked from api._asked_words(p_query) as a;
    if v_asked.words is null then
        return;
    end if;
    -- Any of the words, in a name.
    v_named := regexp_replace(v_asked.any_word::text, '''(''''|[^''])*''', '\&:A', 'g');

    loop
        if p_products is not null then
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    from unnest(p_products) as u (product_id)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.product_id = u.product_id
                        offset 0
                    ) as x
                    where x.search_words @@ v_asked.any_word
                    order by worth desc
                    fetch first p_limit rows with ties
                ) as y
                order by place
                limit p_limit
            ) as z;
        else
            select c.query, c.surer, c.rest into v_looked_for, v_surer, v_rest
            from api._word_combinations(
                v_asked.words, v_asked.weights, v_asked.products, v_aim
            ) as c;
            select array_agg(z.product_id order by z.place), array_agg(z.worth order by z.place)
            into v_found, v_worth
            from (
                select y.product_id, y.worth,
                    row_number() over (
                        order by y.worth desc,
                            api._worth(
                                ts_filter(y.search_words, '{a}'), v_asked.words, v_asked.weights
                            ) desc,
                            ts_rank(y.search_words, v_asked.any_word, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words,
                        api._worth(x.search_words, v_asked.words, v_asked.weights) as worth
                    -- Many have the last combination: they shall not crowd out the few with a better one, nor
                    -- those that have a word in their names.
                    from (
                        values (v_surer && v_named, null),
                            (v_surer, v_surer && v_named),
                            (v_looked_for && v_named, v_surer),
                            (v_looked_for, coalesce(v_surer, '') || (v_looked_for && v_named))
                    ) as q (query, done)
                    cross join lateral (
                        select p.product_id, p.search_words
                        from retail.products as p
                        where p.search_words @@ q.query
                            and (q.done is null or not p.search_words @@ q.done)
                            and (p_category_id is null or p.category_id = p_category_id)
                            and exists (
                                select
                                from retail.inventory as i
                                where i.product_id = p.product_id
                                    and (p_min_price is null or i.price >= p_min_price)
                                    and (p_max_price is null or i.price <= p_max_price)
                                    and (p_in_stock is not true or i.stock_level > 0)
                            )
                        limit 5000
                    ) as x
                    limit 10000
                ) as y
                order by place
                limit p_limit
            ) as z;
        end if;
        exit when v_rest <= coalesce(v_worth[least(p_limit, 10)], 0);
        v_aim := v_aim * 8;
    end loop;

    return query
    select p.product_id, ((2 * w.worth + w.named) / (3 * v_asked.total))::real
    from retail.products as p
    cross join lateral (
        select api._worth(p.search_words, v_asked.words, v_asked.weights) as worth,
            api._worth(ts_filter(p.search_words, '{a}'), v_asked.words, v_asked.weights) as named
        offset 0
    ) as w
    where p.product_id = any (v_found || p_beside) and p.search_words @@ v_asked.any_word
    order by w.worth desc, w.named desc, ts_rank(p.search_words, v_asked.any_word, 1) desc, p.product_id;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real, uuid[]) is
    'Products by the words that they share with a search, the most first, with the share of its worth, of which a third is for names.

p_query: text of the search
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products
p_share: share of the catalogue that the caller sells
p_beside: products to be given their places beside these, if they share a word';
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real, uuid[])
    from public;
grant execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer, real, uuid[])
    to store_manager, regional_manager, head_office;
