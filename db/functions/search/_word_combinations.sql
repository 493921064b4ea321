-- api._word_combinations(): products that are worth most for a search, as a tsquery: those that have
-- the best combinations of its words, down to where about p_products are to be expected if no word
-- knew of another. surer: the same without the last of these, which alone may be in any number of products.
-- rest: what a product may be worth that has none of these. Not a tool.
-- Six words make 63 combinations; the others are weighed, not looked for.
create or replace function api._word_combinations(
    p_words tsquery[],
    p_weights real[],
    p_in integer[],
    p_products real
)
returns table (query tsquery, surer tsquery, rest real)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    with combined as (
        select c.chosen, sum(p_weights[n]) as worth,
            k.number * exp(sum(ln((p_in[n] + 0.01) / k.number))) as expected,
            string_agg(format('(%s)', p_words[n]), ' & ') as query
        from (
            -- The number of products, from what zava.refresh_search_words() made of it.
            select greatest(max(exp(w.weight) * (w.products + 0.5)), 1000) as number
            from unnest(p_weights, p_in) as w (weight, products)
        ) as k
        cross join generate_series(1, (1 << least(cardinality(p_words), 6)) - 1) as c (chosen)
        join generate_series(1, 6) as n on c.chosen & (1 << (n - 1)) > 0
        group by c.chosen, k.number
    ),
    ranked as (
        select c.query, c.worth,
            sum(c.expected) over w - c.expected as before,
            sum(c.expected) over w as with_it
        from combined as c
        window w as (order by c.worth desc, c.chosen)
    )
    select string_agg(r.query, ' | ') filter (where r.before < p_products)::tsquery,
        string_agg(r.query, ' | ') filter (where r.with_it < p_products)::tsquery,
        coalesce(max(r.worth) filter (where r.before >= p_products), 0)::real
    from ranked as r;
end;

comment on function api._word_combinations(tsquery[], real[], integer[], real) is
    'A tsquery for the best combinations of words, one without the last of them, and what is left to be found without it.

p_words: the words, the rarest first
p_weights: what each is worth
p_in: in how many products each is
p_products: how many products the combinations shall find';
revoke execute on function api._word_combinations(tsquery[], real[], integer[], real) from public;
grant execute on function api._word_combinations(tsquery[], real[], integer[], real)
    to store_manager, regional_manager, head_office;
