-- zava.refresh_search_lexemes(): numbers the products of the catalogue and writes down for each lexeme of
-- their texts in which products it is, a bit for each number. Run by zava.refresh_search_words(); not a
-- tool. Short texts have low numbers: among products with the same words search prefers them.
-- Bits are written as text, from one product to the next, for there is no way to set many at once.
create or replace function zava.refresh_search_lexemes()
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
    with wanted as materialized (
        select row_number() over (order by length(p.search_words), p.product_id)::integer as number,
            p.product_id, p.search_words
        from retail.products as p
    ),
    removed as (
        delete from retail.search_numbers as n
        where n.number > (select count(*) from wanted)
        returning 1
    ),
    written as (
        insert into retail.search_numbers as n (number, product_id, search_words)
        select w.number, w.product_id, w.search_words from wanted as w order by w.number
        on conflict (number) do update
        set product_id = excluded.product_id, search_words = excluded.search_words, updated_at = now()
        where (n.product_id, n.search_words) is distinct from (excluded.product_id, excluded.search_words)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    if v_changed > 0 then
        -- Bits of what stores sell are by the numbers before.
        update retail.search_stores as s set sold = null where s.sold is not null;
    end if;

    with steps as (
        select p.lexeme, p.number, p.is_named,
            p.number - lag(p.number, 1, 0) over w as step,
            p.number - coalesce(max(p.number) filter (where p.is_named) over (
                w rows between unbounded preceding and 1 preceding
            ), 0) as named_step
        from (
            select l.lexeme, n.number, 'A' = any (l.weights) as is_named
            from retail.search_numbers as n
            cross join lateral unnest(n.search_words) as l
        ) as p
        window w as (partition by p.lexeme order by p.number)
    ),
    wanted as (
        select s.lexeme, count(*)::integer as products,
            round(ln(1 + (t.products - count(*) + 0.5) / (count(*) + 0.5)), 3) as weight,
            rpad(string_agg(lpad('1', s.step, '0'), '' order by s.number), t.products, '0')::varbit
                as places,
            rpad(
                coalesce(
                    string_agg(lpad('1', s.named_step, '0'), '' order by s.number)
                        filter (where s.is_named), ''
                ), t.products, '0'
            )::varbit as named
        from steps as s
        cross join (select count(*)::integer as products from retail.search_numbers) as t
        group by s.lexeme, t.products
    ),
    removed as (
        delete from retail.search_lexemes as l
        where not exists (select from wanted as w where w.lexeme = l.lexeme)
        returning 1
    ),
    written as (
        insert into retail.search_lexemes as l (lexeme, products, weight, places, named)
        select w.lexeme, w.products, w.weight, w.places, w.named from wanted as w order by w.lexeme
        on conflict (lexeme) do update
        set products = excluded.products, weight = excluded.weight, places = excluded.places,
            named = excluded.named, updated_at = now()
        where (l.products, l.weight, l.places, l.named)
            is distinct from (excluded.products, excluded.weight, excluded.places, excluded.named)
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_lexemes() is
    'Writes down in which products each lexeme of the catalogue is; returns how many rows of retail.search_lexemes were written or removed.';
revoke execute on function zava.refresh_search_lexemes() from public;
