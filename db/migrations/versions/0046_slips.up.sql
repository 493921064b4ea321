-- 0046 slips.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_is_one_slip.sql
-- api._is_one_slip(): whether a word is another one with a letter too many, too few or wrong, or with two
-- neighbours in each other's place: what most typing errors are. Not a tool. Words that differ in one place
-- are the same before and behind it.
create or replace function api._is_one_slip(
    p_word text,
    p_other text
)
returns boolean
language sql
immutable
parallel safe
security invoker
begin atomic
    select w.longer - w.shorter <= 1
        and (
            s.before + s.behind >= w.longer - 1
            or w.longer = w.shorter
            and s.before + s.behind = w.longer - 2
            and substr(p_word, s.before + 1, 2) = reverse(substr(p_other, s.before + 1, 2))
        )
    from (
        select greatest(length(p_word), length(p_other)) as longer,
            least(length(p_word), length(p_other)) as shorter
    ) as w
    cross join lateral (
        select (count(*) filter (where left(p_word, n) = left(p_other, n)))::integer as before,
            count(*) filter (where right(p_word, n) = right(p_other, n)) as behind
        from generate_series(1, w.shorter) as n
    ) as s;
end;

comment on function api._is_one_slip(text, text) is
    'Whether one typing error makes another word of a word.

p_word: the word
p_other: the other one';
revoke execute on function api._is_one_slip(text, text) from public;
grant execute on function api._is_one_slip(text, text) to store_manager, regional_manager, head_office;

-- source: db/functions/search/_nearest_word.sql
-- api._nearest_word(): the word of the catalogue that a misspelled one is taken for. Not a tool.
-- Whole words are compared, not lexemes: cordles is nearer to cordless than to cord, to which it is
-- shortened. One that is a single slip away comes first, and is taken though it shares few trigrams: two
-- letters that changed places break four of them. In words of four letters any slip makes another word. Of spellings
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
        where w.word operator(%1$I.%%) $1 and (n.is_slip or n.similarity >= 0.5)
        order by n.is_slip desc, n.similarity + ln(w.products) / 50 desc, w.word
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

-- sources end
reset role;
