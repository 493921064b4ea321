-- api._query_words(): the words of a search, each with what it is worth. Not a tool.
-- The rarer a word is in the catalogue, the more it says. A word that no product has is repaired by
-- the spelling that is nearest to it; if there is none it stays, so that a question of many such
-- words covers little of any product. Where a word is found is not read unless the caller uses it.
create or replace function api._query_words(
    p_query text
)
returns table (lexeme text, repaired text, weight numeric, products integer, places bit varying)
language sql
stable
parallel restricted
security invoker
rows 5
begin atomic
    select l.lexeme, r.lexeme,
        coalesce(d.weight, 0.8 * r.weight, max(d.weight) over (), 1),
        coalesce(d.products, r.products, 0), coalesce(d.places, r.places)
    from (
        select u.lexeme
        from unnest(to_tsvector('pg_catalog.english', p_query)) as u
        order by u.positions[1]
        limit 32
    ) as l
    left join lateral (
        select k.weight, k.products, k.places
        from retail.search_lexemes as k
        where k.lexeme = l.lexeme
        offset 0
    ) as d on true
    left join lateral (
        select k.lexeme, k.weight, k.products, k.places
        from (
            select min(w.lexeme) as word
            from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
            where d.weight is null
                and l.lexeme = any (tsvector_to_array(to_tsvector('pg_catalog.english', w.lexeme)))
            having min(w.lexeme) is not null
        ) as s
        cross join lateral api._nearest_word(s.word) as n
        cross join lateral (
            select k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = n.lexeme
            offset 0
        ) as k
    ) as r on true;
end;

comment on function api._query_words(text) is
    'Words of a search, the spelling that an unknown one is taken for, what each is worth, in how many products it is, and in which, a bit for each number in retail.search_numbers.

p_query: text of the search';
revoke execute on function api._query_words(text) from public;
grant execute on function api._query_words(text)
    to store_manager, regional_manager, head_office;
