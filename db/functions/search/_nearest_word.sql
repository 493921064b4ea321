-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. One that is a single slip away comes first, and is taken though it shares few trigrams: two
-- letters that changed places break four of them. In words of four letters any slip makes another word.
-- What shares just half is rather the beginning of another word: need of needle, tank of tan. Of spellings
-- that are nearly as near, the one that more products have.
-- Trigrams are an extension, in a schema that is not known before; without it nothing is repaired.
create or replace function api._nearest_word(
    p_word text
)
returns table (lexeme text, weight numeric, products integer)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_trgm'
    );
    -- Of five or six letters these share so few trigrams with the word that the index does not show it.
    v_swapped constant text[] := array(
        select overlay(p_word placing reverse(substr(p_word, n, 2)) from n for 2)
        from generate_series(1, length(p_word) - 1) as n
    );
begin
    -- Numbers are sizes: another number is another thing.
    if v_schema is null or length(p_word) < 4 or p_word ~ '[0-9]' then
        return;
    end if;

    return query execute format(
        'select w.lexeme, w.weight, w.products
        from retail.search_words as w
        cross join lateral (
            select %1$I.similarity(w.word, $1) as similarity,
                length($1) > 4 and api._is_one_slip($1, w.word) as is_slip
        ) as n
        where (w.word operator(%1$I.%%) $1 or w.word = any ($2)) and (n.is_slip or n.similarity > 0.5)
        order by n.is_slip desc, n.similarity + ln(w.products) / 50 desc, w.word
        limit 1',
        v_schema
    )
    using p_word, v_swapped;
end;
$function$;

comment on function api._nearest_word(text) is
    'The word of the catalogue with the nearest spelling; nothing when none is near, or for a number.

p_word: a word that no product has';
revoke execute on function api._nearest_word(text) from public;
grant execute on function api._nearest_word(text)
    to store_manager, regional_manager, head_office;
