-- 0046 slips, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. Of spellings that are nearly as near, the one that more products have.
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
begin
    -- Numbers are sizes: another number is another thing.
    if v_schema is null or length(p_word) < 4 or p_word ~ '[0-9]' then
        return;
    end if;

    return query execute format(
        'select w.lexeme, w.weight, w.products
        from retail.search_words as w
        where w.word operator(%1$I.%%) $1 and %1$I.similarity(w.word, $1) >= 0.45
        order by %1$I.similarity(w.word, $1) + ln(w.products) / 50 desc, w.word
        limit 1',
        v_schema
    )
    using p_word;
end;
$function$;

comment on function api._nearest_word(text) is
    'The word of the catalogue with the nearest spelling; nothing when none is near, or for a number.

p_word: a word that no product has';
revoke execute on function api._nearest_word(text) from public;
grant execute on function api._nearest_word(text)
    to store_manager, regional_manager, head_office;

drop function api._is_one_slip(text, text);

-- sources end
reset role;
