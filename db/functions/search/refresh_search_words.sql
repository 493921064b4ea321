-- zava.refresh_search_words(): brings retail.search_words in line with the catalogue: every word of
-- its texts, the lexeme that search looks for, and what that is worth (the idf of BM25). Run by the
-- administrator when products were added or rewritten, and by zava-sql embed; not a tool.
-- What stores sell is taken up anew as well. Search works on without it, with older weights, and does
-- not repair towards words not seen yet.
create or replace function zava.refresh_search_words()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_changed bigint;
begin
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_words'));

    with found as materialized (
        select distinct w.lexeme as word
        from retail.products as p
        cross join lateral unnest(to_tsvector('simple', p.name || ' ' || p.description)) as w
    ),
    counted as (
        select l.lexeme, count(*)::integer as products
        from retail.products as p
        cross join lateral unnest(p.search_words) as l
        group by l.lexeme
    ),
    wanted as (
        -- A compound has several lexemes: the longest is its own, the others are of its parts.
        select distinct on (f.word) f.word, c.lexeme, c.products,
            round(ln(1 + (t.products - c.products + 0.5) / (c.products + 0.5)), 3) as weight
        from found as f
        cross join lateral unnest(to_tsvector('english', f.word)) as l
        join counted as c on c.lexeme = l.lexeme
        cross join (select count(*) as products from retail.products) as t
        order by f.word, length(c.lexeme) desc, c.lexeme
    ),
    removed as (
        delete from retail.search_words as s
        where not exists (select from wanted as w where w.word = s.word)
        returning 1
    ),
    written as (
        insert into retail.search_words as s (word, lexeme, products, weight)
        select w.word, w.lexeme, w.products, w.weight from wanted as w order by w.word
        on conflict (word) do update
        set lexeme = excluded.lexeme, products = excluded.products, weight = excluded.weight,
            updated_at = now()
        where (s.lexeme, s.products, s.weight)
            is distinct from (excluded.lexeme, excluded.products, excluded.weight)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    perform zava.refresh_search_lexemes();
    perform zava.refresh_search_assortments();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_words() is
    'Counts the words of the catalogue anew for search; returns how many rows of retail.search_words were written or removed.';
revoke execute on function zava.refresh_search_words() from public;
