-- api.search_products(): products that the caller's stores sell, by what a text means and by its
-- words. Two lists are made, by nearness of vectors and by words in common, and merged by reciprocal
-- rank: 1 / (20 + place). A place in the list of words counts by the square of what the product
-- covers of the search, at most double: who names a thing gets what is named so, and of a question,
-- of which any product covers little, meaning decides. Where it is said what shall not be, it counts less
-- by three quarters of what words cover at best. A product whose article number is asked for comes before both.
create or replace function api.search_products(
    p_query text,
    p_query_embedding vector default null,
    p_category text default null,
    p_min_price numeric default null,
    p_max_price numeric default null,
    p_in_stock boolean default false,
    p_min_similarity numeric default null,
    p_limit integer default 10
)
returns table (
    rank bigint,
    product_id uuid,
    sku text,
    product text,
    category text,
    price numeric,
    stock_level bigint,
    in_stock_at text,
    score numeric,
    similarity numeric,
    found_by text,
    searched_by text,
    headline text
)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    -- Nothing but spaces of any kind, breadth or none is no text.
    v_query constant text := btrim(p_query, e' \t\r\n\v\f\u0085\u00a0\u00ad\u1680\u180e'
        '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f'
        '\u2028\u2029\u202f\u205f\u2060\u2800\u3000\ufeff');
    v_wanted text := v_query;
    v_words tsquery;
    v_category uuid;
    v_named uuid[];
    v_in_stock constant boolean := coalesce(p_in_stock, false);
    v_depth constant integer := greatest(2 * least(p_limit, 100), 20);
    v_unit p_query_embedding%type;
    v_denied real := 0;
    v_searched_by text;
    v_taken boolean := num_nulls(p_category, p_min_price, p_max_price) = 3 and not v_in_stock;
begin
    if p_limit is null or p_limit not between 1 and 100
        or p_min_price not between 0 and 1e9
        or p_max_price not between 0 and 1e9
        or p_min_similarity not between -1 and 1
    then
        perform api._require_range('p_limit', p_limit, 1, 100);
        perform api._require_range('p_min_price', coalesce(p_min_price, 0), 0, 1e9);
        perform api._require_range('p_max_price', coalesce(p_max_price, 0), 0, 1e9);
        perform api._require_range('p_min_similarity', coalesce(p_min_similarity, 0), -1, 1);
    end if;
    if coalesce(v_query, '') = '' or length(v_query) > 1000 then
        raise exception 'p_query is % characters long', coalesce(length(v_query), 0)
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a text of 1 to 1000 characters.';
    end if;
    if p_min_price > p_max_price then
        raise exception 'p_min_price (%) is above p_max_price (%)', p_min_price, p_max_price
            using errcode = 'invalid_parameter_value', hint = 'Swap the two prices.';
    end if;

    if p_category is not null then
        v_category := api._category_id(p_category);
    end if;
    if p_query_embedding is not null then
        v_unit := api._checked_embedding(p_query_embedding);
    end if;
    v_searched_by := case
        when v_unit is not null then 'meaning and words'
        when p_query_embedding is null then 'words only: the text was not embedded'
        else 'words only: no model is live'
    end;
    -- Any of the words, as they are looked for.
    if v_query ~* '\m(without|w/o|not|except|excluding|other\s+than|apart\s+from)\s' then
        v_wanted := api._wanted_text(v_query);
        -- The vector is of all that was said, and next to it is what shall not be. The more of the rest is in
        -- words that a product has, the less the vector has to say.
        if v_wanted <> v_query then
            v_denied := 0.75;
        end if;
    end if;
    v_words := replace(plainto_tsquery('english', v_wanted)::text, ' & ', ' | ')::tsquery;
    -- Of fewer characters, numbers are sizes. Without any number only the text as it is can be one: a word
    -- is mostly meant as a word.
    if length(v_query) > 3
        and (v_query ~ '[0-9]' or exists (select from retail.products as p where p.sku = v_query))
    then
        v_named := array(
            select p.product_id
            from retail.products as p
            where p.product_id in (
                    select s.product_id from retail.products as s where s.sku = v_query
                    union all
                    select s.product_id
                    from retail.products as s
                    -- An array, for PostgreSQL expects thousands of words, and would read all products.
                    where upper(s.sku) = any (array(
                        select upper(t.word)
                        from (
                            select regexp_split_to_table(v_query, '[.]*[\s,;:?!()"]+|[.]+$')
                            union
                            -- In quotes of any kind, with hyphens of any kind, one beside another.
                            select btrim(
                                regexp_split_to_table(
                                    translate(v_query, u&'\2010\2011\2012\2013\2014', '-----'),
                                    '[^[:alnum:]-]+'
                                ), '-'
                            )
                        ) as t (word)
                        where v_query ~ '(?=\S{4})\S*[0-9]' and t.word ~ '[0-9]' and length(t.word) > 3
                    ))
                )
                and (v_category is null or p.category_id = v_category)
                and exists (
                    select
                    from retail.inventory as i
                    where i.product_id = p.product_id
                        and (p_min_price is null or i.price >= p_min_price)
                        and (p_max_price is null or i.price <= p_max_price)
                        and (not v_in_stock or i.stock_level > 0)
                )
        );
    end if;

    -- What was taken up for search may not be sold any more: then nothing is shown, and all looked for anew.
    loop
        return query
        with lists as (
            select f.product_id, f.similarity,
                case
                    when f.coverage is null
                        then (1 - v_denied * coalesce(max(f.coverage) over (), 0)) / (20 + f.place)
                    else 2 * f.coverage * f.coverage / (20 + f.place)
                end as worth,
                case when f.coverage is null then 'meaning' else 'words' end as side
            from api._found_products(
                v_unit, v_wanted, v_category, p_min_price, p_max_price, v_in_stock, v_depth, v_taken
            ) as f
            union all
            select n.product_id, null, 1, 'sku' from unnest(v_named) as n (product_id)
        ),
        merged as (
            select l.product_id, sum(l.worth) as worth,
                -- What only words have found is compared where that is asked for.
                coalesce(max(l.similarity), case
                    when p_min_similarity is not null then api._similarity_to(l.product_id, v_unit)
                end) as similarity,
                case
                    when bool_or(l.side = 'sku') then 'sku'
                    when count(*) = 2 then 'both'
                    else min(l.side)
                end as found_by
            from lists as l
            group by l.product_id
        ),
        best as (
            select m.*
            from merged as m
            where p_min_similarity is null or m.similarity is null or m.found_by = 'sku'
                or m.similarity >= p_min_similarity
            order by m.worth desc, m.product_id
            limit p_limit
        ),
        shown as (
            select b.*, o.*, row_number() over w as rank, every(o.stock_level is not null) over w as is_sold
            from best as b
            cross join lateral api._offer(b.product_id) as o
            -- In the order that they come in already.
            window w as (
                order by b.worth desc, b.product_id rows between unbounded preceding and unbounded following
            )
        )
        select s.rank, s.product_id, p.sku, p.name, c.name, s.price, s.stock_level, s.in_stock_at,
            round(s.worth::numeric, 5), round(s.similarity::numeric, 3), s.found_by, v_searched_by,
            ts_headline(
                'english', p.description, v_words,
                'StartSel=**, StopSel=**, MinWords=12, MaxWords=30'
            )
        from shown as s
        join retail.products as p on p.product_id = s.product_id
        join retail.categories as c on c.category_id = p.category_id
        where s.is_sold or not v_taken
        order by s.worth desc, s.product_id;
        exit when found or not v_taken;
        v_taken := false;
    end loop;
    -- No row can say so.
    if not found and v_unit is null then
        raise notice 'nothing was found; searched by %', v_searched_by;
    end if;
end;
$function$;

comment on function
    api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer) is
    'Finds products that your stores sell, by the meaning of a text and by its words; typing errors are forgiven. price: the lowest of your stores, in USD without tax; stock_level: pieces in all of them. found_by: meaning, words, both or sku. searched_by tells whether meaning could be used. similarity: -1 to 1, of meaning; null where unknown. score: sum of reciprocal places in both lists, and 1 for the sku. headline: a passage of the description with the words asked for in **.

p_query: words, a question or a sku
p_query_embedding: vector of p_query by the live model, which the tool makes and a query cannot; null to search by words only
p_category: name of a category; null for all
p_min_price: USD; of any of your stores
p_max_price: USD; of any of your stores
p_in_stock: only what is in stock
p_min_similarity: -1 to 1; where it is unknown, or asked for by sku, a product stays; null for any
p_limit: 1 to 100';
revoke execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    from public;
grant execute on function api.search_products(text, vector, text, numeric, numeric, boolean, numeric, integer)
    to store_manager, regional_manager, head_office;
