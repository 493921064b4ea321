-- api._matching_products(): the products that have most of the words of a search. Not a tool.
-- A product is worth the sum of its words; coverage is the share of that in the worth of all words
-- asked for. Words such as how and the, which no product is about, count as asked for too: who asks
-- in sentences means more than the words.
-- All that have one of the rare words are weighed, and those that have all of the common words; as
-- long as others could still be among the first ten, those that have all but one, all but two, and
-- so on. Where few products are to be searched, each that has any word is weighed.
create or replace function api._matching_products(
    p_query text,
    p_products uuid[],
    p_category_id uuid,
    p_min_price numeric,
    p_max_price numeric,
    p_in_stock boolean,
    p_limit integer
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    v_words record;
    v_wanted text;
    v_any tsquery;
    v_rare integer;
    v_common integer;
    v_found uuid[];
    v_coverage real[];
begin
    select
        array_agg(w.query order by w.place) as queries,
        array_agg(w.weight order by w.place) as weights,
        string_agg(
            format('%s::real * (x.search_words @@ %L::tsquery)::integer', w.weight, w.query), ' + '
        ) as worth,
        string_agg(w.query::text, ' | ')::tsquery as any_word,
        count(*) filter (where w.in_all <= 300)::integer as rare,
        count(*)::integer as number,
        sum(w.weight) * (
            select count(*)::numeric / nullif(
                count(*) filter (where to_tsvector('english', a.lexeme) <> ''), 0
            )
            from unnest(to_tsvector('simple', p_query)) as a
        ) as total
    into v_words
    from (
        select q.*, row_number() over (order by q.weight desc, q.query::text) as place,
            sum(q.products) over (order by q.weight desc, q.query::text) as in_all
        from api._query_words(p_query) as q
    ) as w;
    if v_words.number = 0 then
        return;
    end if;

    if p_products is not null then
        v_wanted := 'x.product_id = any ($1)';
        v_rare := v_words.number;
    else
        v_wanted := format(
            'exists (select from %s and i.product_id = x.product_id)',
            api._sold_where(p_category_id, p_min_price, p_max_price, p_in_stock)
        );
        v_rare := v_words.rare;
    end if;

    -- More than six make too many combinations; the others are weighed, not looked for.
    v_common := least(v_words.number - v_rare, 6);
    for v_needed in reverse v_common .. least(v_common, 1) loop
        select string_agg(f.query, ' | ')::tsquery
        into v_any
        from (
            select v_words.queries[n]::text as query
            from generate_series(1, v_rare) as n
            union all
            select string_agg(format('(%s)', v_words.queries[v_rare + b.n]), ' & ')
            from generate_series(1, (1 << v_common) - 1) as c (chosen)
            cross join generate_series(1, v_common) as b (n)
            where v_needed > 0
                and bit_count(c.chosen::bit(6)) = v_needed
                and c.chosen & (1 << (b.n - 1)) > 0
            group by c.chosen
        ) as f;

        execute format(
            'select array_agg(z.product_id order by z.place), array_agg(z.coverage order by z.place)
            from (
                select y.product_id, (y.worth / %1$s)::real as coverage,
                    row_number() over (
                        order by y.worth desc, ts_rank(y.search_words, $3, 1) desc, y.product_id
                    ) as place
                from (
                    select x.product_id, x.search_words, %2$s as worth
                    from retail.products as x
                    where x.search_words @@ $2 and %3$s
                    limit 5000
                ) as y
                order by place
                limit $4
            ) as z',
            v_words.total, v_words.worth, v_wanted
        )
        into v_found, v_coverage
        using p_products, v_any, v_words.any_word, p_limit;
        -- What was not looked at has at most all but one of these common words.
        exit when v_coverage[least(p_limit, 10)] * v_words.total >= (
            select coalesce(sum(w.weight), 0)
            from unnest(v_words.weights[v_rare + 1 : v_rare + v_needed - 1]) as w (weight)
        );
    end loop;

    return query
    select f.product_id, f.coverage
    from unnest(v_found, v_coverage) with ordinality as f (product_id, coverage, place)
    order by f.place;
end;
$function$;

comment on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer) is
    'Products by the words that they share with a search, the most first, with the share of its worth.

p_query: text of the search
p_products: the products to look among; null for all that the filters leave
p_category_id: only this category; null for all
p_min_price: smallest price; null for any
p_max_price: largest price; null for any
p_in_stock: true for what is in stock only
p_limit: number of products';
revoke execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
    from public;
grant execute on function api._matching_products(text, uuid[], uuid, numeric, numeric, boolean, integer)
    to store_manager, regional_manager, head_office;
