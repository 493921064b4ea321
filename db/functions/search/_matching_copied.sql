-- api._matching_copied(): the products that have most of the words of a search, by what was counted when
-- search was refreshed. Not a tool. A word has a bit for each product of the catalogue, and so has what
-- the caller sells: combinations of the six rarest words are made of these bits, and products taken of
-- the best ones until there are enough or none is left; the other words come last. No product is read but
-- those that are best. Among equals, of which there may be thousands, those that have the words in their
-- names go first, then those of the shortest texts, which have the lowest numbers. What a word is worth
-- counts by two thirds if it is not in the name: a description names what goes with the product as well.
-- Products that others have found are given their places as well, beside those that are best: of equals
-- that are left out for want of room, these shall not count for less.
create or replace function api._matching_copied(
    p_query text,
    p_sold bit varying,
    p_limit integer,
    p_beside uuid[] default null
)
returns table (product_id uuid, coverage real)
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_queries tsquery[];
    v_weights real[];
    v_any_word tsquery;
    v_total real;
    v_lexemes text[];
    v_places bit varying[];
    v_is_all constant boolean := bit_count(p_sold) = length(p_sold);
    v_words integer;
    -- A set of words is a number: 1 for the first, 2 for the second, 3 for both.
    v_set integer;
    v_hits bit varying[];
    v_worths real[];
    v_hit bit varying;
    v_left bit varying := p_sold;
    v_number bigint;
    v_room bigint := p_limit;
    v_named bit varying;
    v_some bit varying;
begin
    select a.words, a.weights, a.any_word, a.total, a.lexemes, a.places
    into v_queries, v_weights, v_any_word, v_total, v_lexemes, v_places
    from api._asked_words(p_query) as a;
    if v_queries is null then
        return;
    end if;
    v_words := least(cardinality(v_places), 6);
    v_worths := array_fill(null::real, array[(1 << v_words) - 1]);

    for v_word in 1 .. v_words loop
        for v_others in 0 .. (1 << v_word - 1) - 1 loop
            v_set := v_others + (1 << v_word - 1);
            v_hit := case
                when v_others > 0 then v_hits[v_others] & v_places[v_word]
                when v_is_all then v_places[v_word]
                else p_sold & v_places[v_word]
            end;
            if bit_count(v_hit) > 0 then
                v_hits[v_set] := v_hit;
                v_worths[v_set] := v_weights[v_word] + coalesce(v_worths[v_others], 0);
            end if;
        end loop;
    end loop;

    foreach v_set in array array(
        select s.chosen
        from unnest(v_worths) with ordinality as s (worth, chosen)
        where s.worth is not null
        order by s.worth desc, s.chosen
    )
    loop
        v_hit := case when v_room = p_limit then v_hits[v_set] else v_left & v_hits[v_set] end;
        v_number := bit_count(v_hit);
        continue when v_number = 0;

        if v_number > v_room then
            v_named := (
                select v_hit & bit_and(l.named)
                from unnest(v_lexemes[: v_words]) with ordinality as w (lexeme, place)
                join retail.search_lexemes as l on l.lexeme = w.lexeme
                where v_set >> (w.place - 1)::integer & 1 = 1
            );
            v_some := case when bit_count(v_named) < v_room then v_hit # v_named else '' end;
            exit;
        end if;
        v_room := v_room - v_number;
        v_left := v_left # v_hit;
        exit when v_room = 0;
    end loop;
    if v_some is null and cardinality(v_places) > 6 then
        v_some := v_left & (select bit_or(w.places) from unnest(v_places[7:]) as w (places));
    end if;

    return query
    select n.product_id, ((2 * w.worth + w.named) / (3 * v_total))::real
    from retail.search_numbers as n
    cross join lateral (
        select coalesce(sum(q.weight) filter (where n.search_words @@ q.query), 0) as worth,
            coalesce(sum(q.weight) filter (where a.words @@ q.query), 0) as named
        from (select ts_filter(n.search_words, '{a}') as words offset 0) as a
        cross join unnest(v_queries, v_weights) as q (query, weight)
    ) as w
    where n.number = any (array(
        select p.place
        from unnest(
            array[p_sold # v_left, v_named, v_some],
            array[p_limit, v_room, v_room - coalesce(bit_count(v_named), 0)]
        ) as f (bits, room)
        cross join lateral api._first_places(f.bits, f.room::integer) as p
        where f.room > 0 and bit_count(f.bits) > 0
        union all
        select b.number
        from retail.search_numbers as b
        where b.product_id = any (p_beside) and b.search_words @@ v_any_word
    ))
    order by w.worth desc, w.named desc, ts_rank(n.search_words, v_any_word, 1) desc, n.product_id;
end;
$function$;

comment on function api._matching_copied(text, bit varying, integer, uuid[]) is
    'Of products given by their numbers in retail.search_numbers those that share most words with a search, with the share of its worth, of which a third is for names.

p_query: text of the search
p_sold: a bit for each number
p_limit: number of products
p_beside: products to be given their places beside these, if they share a word';
revoke execute on function api._matching_copied(text, bit varying, integer, uuid[]) from public;
grant execute on function api._matching_copied(text, bit varying, integer, uuid[])
    to store_manager, regional_manager, head_office;
