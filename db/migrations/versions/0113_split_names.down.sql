-- 0113 split names, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words. Most searches have only words that the catalogue has:
-- these are read at once, and spelling is looked after for the others alone. A size in one word that the
-- catalogue does not have, such as 20v or 1/2-inch, is asked for in parts, and so is a name such as lightbulb or
-- hammer/mallet. 1 1/2 is asked for as 1-1/2, or that as this, if the catalogue writes so; 1½ as 1 1/2, 2×4 as 2x4
-- and 8′ as 8, if it writes no such sign.
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
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_asked constant text[] := tsvector_to_array(to_tsvector('english', p_query));
    -- Of 10 in the little word is an inch, of which nothing is left to be found. What is a part of a name,
    -- such as over-ear, T-shirt, 52-709A or painter's, is no word by itself.
    v_simple constant tsvector := to_tsvector(
        'simple', regexp_replace(p_query, '([0-9]\s*)in\M|-|''s\M', '\1', 'gi')
    );
    v_size constant text := '\m([0-9]+)-?(x(?=[0-9])|[a-z]{1,4}\M)';
    v_mixed constant text := '((?:^|\s)[0-9]+)\s+([0-9]+/[0-9]+)';
    v_sign constant text := '[×′″¼½¾⅓⅔⅛⅜⅝⅞]';
    v_parts text;
    v_known bigint;
begin
    if p_query ~ v_mixed and exists (
        select
        from retail.search_lexemes as k
        where k.lexeme = substring(p_query from '(?:^|\s)[0-9]+\s+[0-9]+(/[0-9]+)')
    ) then
        return query select a.* from api._asked_words(regexp_replace(p_query, v_mixed, '\1-\2', 'g')) as a;
        return;
    end if;
    if cardinality(v_asked) <= 12 then
        select array_agg(a.query), array_agg(a.weight::real), array_agg(a.products),
            string_agg(a.query::text, ' | ')::tsquery, sum(a.weight), array_agg(a.lexeme),
            array_agg(a.places), count(*)
        into words, weights, products, any_word, total, lexemes, places, v_known
        from (
            select api._word_query(k.lexeme) as query, k.lexeme, k.weight, k.products, k.places
            from retail.search_lexemes as k
            where k.lexeme = any (v_asked)
            order by k.weight desc, k.lexeme
        ) as a;
    end if;
    if v_known is distinct from cardinality(v_asked) then
        if p_query ~ v_sign and not exists (
            select
            from unnest(v_asked) as l (lexeme)
            where l.lexeme ~ v_sign
                and (
                    exists (select from retail.search_lexemes as k where k.lexeme = l.lexeme)
                    or exists (
                        select from retail.products as p where p.search_words @@ api._word_query(l.lexeme)
                    )
                )
        ) then
            -- The normal form of ½ has a slash of its own.
            return query
            select a.*
            from api._asked_words(translate(
                normalize(regexp_replace(p_query, '([0-9])([¼-¾⅓-⅞])', '\1 \2', 'g'), nfkc), '⁄×′', '/x'
            )) as a;
            return;
        end if;
        v_parts := (
            select string_agg(
                case
                    -- Sizes and names are short. What is found in them is looked at anew, time after time.
                    when length(t.word) >= 24
                        or t.word !~ '[0-9]|^[[:alpha:]]{6,}$|[[:alpha:]]/[[:alpha:]]'
                        or not exists (
                            select
                            from unnest(tsvector_to_array(to_tsvector('english', t.word))) as l (lexeme)
                            where l.lexeme <> all (coalesce(lexemes, '{}'))
                                and (l.lexeme ~ v_size or l.lexeme ~ '^/[0-9]' or t.word !~ '[0-9]')
                                and not exists (
                                    select from retail.search_lexemes as k where k.lexeme = l.lexeme
                                )
                                and not exists (
                                    select
                                    from retail.products as p
                                    where p.search_words @@ api._word_query(l.lexeme)
                                )
                        )
                        then t.word
                    when t.word ~ '[0-9]' then regexp_replace(
                        regexp_replace(t.word, '\m([0-9]+)-([0-9]+/)', '\1 \2'), v_size, '\1 \2 ', 'gi'
                    )
                    when t.word ~ '/' then translate(t.word, '/', ' ')
                    else coalesce(api._name_parts(t.word), t.word)
                end, ' ' order by t.place
            )
            from regexp_split_to_table(p_query, '\s') with ordinality as t (word, place)
        );
        if v_parts <> p_query then
            return query select a.* from api._asked_words(v_parts) as a;
            return;
        end if;
        select array_agg(a.query) filter (where a.place <= 12),
            array_agg(a.weight::real) filter (where a.place <= 12),
            array_agg(a.products) filter (where a.place <= 12),
            string_agg(a.query::text, ' | ') filter (where a.place <= 12)::tsquery,
            sum(a.weight),
            array_agg(a.lexeme) filter (where a.place <= 12),
            array_agg(a.places) filter (where a.place <= 12)
        into words, weights, products, any_word, total, lexemes, places
        from (
            select api._word_query(q.lexeme) || api._word_query(q.repaired) as query,
                coalesce(q.repaired, q.lexeme) as lexeme, q.weight, q.products, q.places,
                row_number() over (order by q.weight desc, q.lexeme) as place
            from api._query_words(p_query) as q
            order by place
        ) as a;
    end if;
    -- As many as there are without a look at their meaning: none was left out.
    if length(v_simple) <> cardinality(v_asked) then
        total := total * (
            select count(*)::real / nullif(count(*) filter (where to_tsvector('english', w.lexeme) <> ''), 0)
            from unnest(v_simple) as w
        );
    end if;
    -- Words that every product has are worth nothing, of which nobody has a share.
    total := greatest(total, 0.001);
    return next;
end;
$function$;

comment on function api._asked_words(text) is
    'Words of a search as tsqueries, the rarest first, with what each is worth and in how many products it is; all of them joined by or; what the whole search is worth; the words as they are in the catalogue, and in which products each is. Nulls when there is no word.

p_query: text of the search';
revoke execute on function api._asked_words(text) from public;
grant execute on function api._asked_words(text) to store_manager, regional_manager, head_office;

drop function api._word_pairs(text);

-- sources end
reset role;
