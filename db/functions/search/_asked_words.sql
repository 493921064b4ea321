-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words.
create or replace function api._asked_words(
    p_query text
)
returns table (
    words tsquery[],
    weights real[],
    products integer[],
    any_word tsquery,
    total real,
    lexemes text[],
    places varbit[]
)
language sql
stable
parallel restricted
security invoker
rows 1
begin atomic
    with asked as (
        select api._word_query(q.lexeme) || api._word_query(q.repaired) as query,
            coalesce(q.repaired, q.lexeme) as lexeme, q.weight, q.products, q.places,
            row_number() over (order by q.weight desc, q.lexeme) as place
        from api._query_words(p_query) as q
    )
    select
        array_agg(a.query order by a.place) filter (where a.place <= 12),
        array_agg(a.weight::real order by a.place) filter (where a.place <= 12),
        array_agg(a.products order by a.place) filter (where a.place <= 12),
        string_agg(a.query::text, ' | ') filter (where a.place <= 12)::tsquery,
        sum(a.weight) * (
            select count(*)::numeric / nullif(
                count(*) filter (where to_tsvector('pg_catalog.english', w.lexeme) <> ''), 0
            )
            from unnest(to_tsvector('pg_catalog.simple', p_query)) as w
        ),
        array_agg(a.lexeme order by a.place) filter (where a.place <= 12),
        array_agg(a.places order by a.place) filter (where a.place <= 12)
    from asked as a;
end;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth; the words as they are in the catalogue, and in which products each is. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;
