-- api._word_pairs(): words of a search that stand side by side and that the name of a product has in one word,
-- night stand of nightstand, or 6 qt of 6qt. Not a tool. Two numbers in one are another number.
create or replace function api._word_pairs(
    p_query text
)
returns table (parts text[], joined text, places bit varying)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    select p.parts, k.lexeme, k.places
    from (
        select t.word, lead(t.word) over (order by t.place) as next
        from regexp_split_to_table(p_query, '\s+') with ordinality as t (word, place)
    ) as w
    cross join lateral (
        select tsvector_to_array(to_tsvector('pg_catalog.english', w.word || ' ' || w.next)) as parts,
            (ts_lexize('pg_catalog.english_stem', lower(w.word || w.next)))[1] as joined
    ) as p
    join retail.search_lexemes as k on k.lexeme = p.joined
    where cardinality(p.parts) = 2 and bit_count(k.named) > 0
        and not (w.word ~ '[0-9]$' and w.next ~ '^[0-9]');
end;

comment on function api._word_pairs(text) is
    'Neighbouring words of a search, with the lexeme of the one word that products have in their names for both, and in which products it is.

p_query: text of the search';
revoke execute on function api._word_pairs(text) from public;
grant execute on function api._word_pairs(text) to store_manager, regional_manager, head_office;
