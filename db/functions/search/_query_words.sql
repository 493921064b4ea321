-- api._query_words(): the words of a search, each with what it is worth. Not a tool.
-- The rarer a word is in the catalogue, the more it says. A word that no product has is repaired by
-- the spelling that is nearest to it; if there is none it stays, so that a question of many such
-- words covers little of any product.
create or replace function api._query_words(
    p_query text
)
returns table (query tsquery, weight numeric, products integer)
language sql
stable
parallel restricted
security invoker
rows 5
begin atomic
    with words as materialized (
        select w.lexeme as word
        from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
        order by w.positions[1]
        limit 32
    ),
    lexemes as (
        select l.lexeme, min(w.word) as word
        from words as w
        cross join lateral unnest(to_tsvector('pg_catalog.english', w.word)) as l
        group by l.lexeme
    ),
    looked_up as materialized (
        select l.lexeme, d.weight, d.products, l.word
        from lexemes as l
        left join lateral (
            select k.weight, k.products
            from retail.search_words as k
            where k.lexeme = l.lexeme
            limit 1
        ) as d on true
    ),
    known as (
        select api._word_query(k.lexeme) as query, k.weight, k.products
        from looked_up as k
        where k.weight is not null
        union all
        select
            api._word_query(u.lexeme) || api._word_query(r.lexeme),
            coalesce(0.8 * r.weight, (select max(k.weight) from looked_up as k), 1),
            coalesce(r.products, 0)
        from looked_up as u
        left join lateral api._nearest_word(u.word) as r on true
        where u.weight is null
    )
    select k.query, k.weight, k.products
    from known as k
    order by k.weight desc, k.query::text;
end;

comment on function api._query_words(text) is
    'Words of a search as tsqueries: what each is worth, and in how many products it is; the rarest first.

p_query: text of the search';
revoke execute on function api._query_words(text) from public;
grant execute on function api._query_words(text)
    to store_manager, regional_manager, head_office;
