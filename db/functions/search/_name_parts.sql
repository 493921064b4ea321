-- api._name_parts(): a name in one word as the two words that products have in their names, light bulb for
-- lightbulb. Not a tool. It stays one if no product has both: most words that are unknown are misspelled.
create or replace function api._name_parts(
    p_word text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select left(p_word, n.place) || ' ' || substr(p_word, n.place + 1)
    from generate_series(3, length(p_word) - 3) as n (place)
    cross join lateral (
        select k.named
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', left(p_word, n.place)))[1]
        offset 0
    ) as a
    cross join lateral (
        select bit_count(k.named & a.named) as products
        from retail.search_lexemes as k
        where k.lexeme = (ts_lexize('pg_catalog.english_stem', substr(p_word, n.place + 1)))[1]
        offset 0
    ) as b
    where b.products > 0
    order by b.products desc, n.place
    limit 1;
end;

comment on function api._name_parts(text) is
    'A word as two that are both in the name of a product; null when there is none.

p_word: a word that no product has';
revoke execute on function api._name_parts(text) from public;
grant execute on function api._name_parts(text) to store_manager, regional_manager, head_office;
