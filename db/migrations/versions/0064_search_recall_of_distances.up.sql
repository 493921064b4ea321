-- 0064 search recall of distances.
set local lock_timeout = '3s';
set local role zava_owner;

-- PostgreSQL lets a function set hnsw.* only once the extension's library is loaded, which the first
-- vector of a session does; and the extension's types must be found by their names alone.
do $vectors$
declare
    v_schema name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    execute format('set local search_path = public, %I', v_schema);
    execute format('select %L::%I.vector', '[1]', v_schema);
end
$vectors$;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_asked_words.sql
-- api._asked_words(): what a search asks for in words: the twelve that say most, and what all are worth
-- together. Not a tool. Words such as how and the, which no product is about, count as asked for too:
-- who asks in sentences means more than the words. Most searches have only words that the catalogue has:
-- these are read at once, and spelling is looked after for the others alone. A size in one word that the
-- catalogue does not have, such as 20v or 2x4, is asked for in parts.
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
    v_simple constant tsvector := to_tsvector('simple', p_query);
    v_size constant text := '\m([0-9]+)(x(?=[0-9])|[a-z]{1,4}\M)';
    v_parts text;
    v_known bigint;
begin
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
        if p_query ~* v_size then
            v_parts := (
                select string_agg(
                    case
                        -- A size is short. What is found in it is looked at anew, time after time.
                        when length(t.word) < 24 and exists (
                            select
                            from unnest(tsvector_to_array(to_tsvector('english', t.word))) as l (lexeme)
                            where l.lexeme ~ v_size
                                and not exists (
                                    select from retail.search_lexemes as k where k.lexeme = l.lexeme
                                )
                                and not exists (
                                    select
                                    from retail.products as p
                                    where p.search_words @@ api._word_query(l.lexeme)
                                )
                        )
                            then regexp_replace(t.word, v_size, '\1 \2 ', 'gi')
                        else t.word
                    end, ' ' order by t.place
                )
                from regexp_split_to_table(p_query, '\s') with ordinality as t (word, place)
            );
        end if;
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

-- source: db/functions/search/check_search_recall.sql
-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 60, 100, 150, 200 and 400 that finds 99 of 100 (60 only for
-- 99.5), or the most if none does. Search uses it from then on. Run by the administrator after an index was
-- built; not a tool. Reads every vector as often as the sample is large, once; of a small sample one small
-- part of the catalogue to which the index does not lead would be missing, or weigh as much as several.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy. Of
-- products with one text any is as near as another, so that distances are compared, and not products.
create or replace function zava.check_search_recall(
    p_sample integer default 200
)
returns table (model text, ef_search integer, recall numeric, advice text)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
set hnsw.iterative_scan = off
as $function$
declare
    v_model record;
    v_ef_search integer;
    v_recall numeric;
    v_asked text[];
    v_nearest text[];
    v_schema constant name := (
        select n.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'
    );
begin
    if p_sample is null or p_sample not between 1 and 1000 then
        raise exception 'p_sample out of range: %', coalesce(p_sample::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use a number from 1 to 1000.';
    end if;

    for v_model in
        select m.model_id, m.name, m.dimensions
        from retail.embedding_models as m
        where m.state <> 'retired'
            and to_regclass(format('retail.product_embeddings_%s_embedding_idx', m.model_id)) is not null
        order by m.model_id
    loop
        execute format(
            'with sample as materialized (
                select e.embedding, lead(e.embedding) over (order by e.place) as other
                from (
                    select e.embedding, sha256(e.product_id::text::bytea) as place
                    from retail.product_embeddings as e
                    where e.model_id = %2$s
                    order by place
                    limit $1 + 1
                ) as e
            ),
            asked as materialized (
                select %1$I.l2_normalize(
                    s.embedding operator(%1$I.+) s.embedding operator(%1$I.+) s.other
                ) as v
                from sample as s
                where s.other is not null
            ),
            compared as (
                select a.v, array(
                    select (e.embedding operator(%1$I.<#>) a.v) + 0 as distance
                    from retail.product_embeddings as e
                    where e.model_id = %2$s
                    order by distance
                    limit 10
                ) as nearest
                from asked as a
            )
            select array_agg(c.v::text), array_agg(c.nearest::text) from compared as c',
            v_schema, v_model.model_id
        )
        into v_asked, v_nearest
        using p_sample;

        recall := null;
        foreach v_ef_search in array array[60, 100, 150, 200, 400] loop
            execute format('set local hnsw.ef_search = %s', v_ef_search);
            execute format(
                'with asked as materialized (
                    select a.v::%1$I.halfvec(%3$s) as v, a.nearest::double precision[] as nearest
                    from unnest($1, $2) as a (v, nearest)
                ),
                compared as materialized (
                    select a.nearest, array(
                        select e.embedding::%1$I.halfvec(%3$s) operator(%1$I.<#>) a.v as distance
                        from retail.product_embeddings as e
                        where e.model_id = %2$s
                        order by distance
                        limit 10
                    ) as found
                    from asked as a
                )
                select round(avg(n.hits / cardinality(c.nearest)::numeric), 3)
                from compared as c
                cross join lateral (
                    select count(*) as hits
                    from unnest(c.found) as u (distance)
                    where u.distance <= c.nearest[cardinality(c.nearest)]
                ) as n
                where cardinality(c.nearest) > 0',
                v_schema, v_model.model_id, v_model.dimensions
            )
            into v_recall
            using v_asked, v_nearest;
            -- More effort that finds no more is not worth it.
            if recall is null or v_recall > recall then
                ef_search := v_ef_search;
                recall := v_recall;
            end if;
            -- The least effort leaves the most to chance.
            exit when recall >= case when v_ef_search = 60 then 0.995 else 0.99 end;
        end loop;
        continue when recall is null;

        model := v_model.name;
        advice := case
            when recall < 0.99 then 'The index finds too little: build it anew, with a larger m.'
        end;
        insert into retail.search_recall as r (model_id, ef_search, recall, products)
        select v_model.model_id, check_search_recall.ef_search, check_search_recall.recall, count(*)
        from retail.product_embeddings as e
        where e.model_id = v_model.model_id
        on conflict (model_id) do update
        set ef_search = excluded.ef_search, recall = excluded.recall, products = excluded.products,
            updated_at = now();
        return next;
    end loop;
end;
$function$;

comment on function zava.check_search_recall(integer) is
    'Measures what share of the ten nearest products the index of each model finds, and keeps the smallest ef_search that finds 99 %; advice says what to do where none does.

p_sample: how many searches to try, 1 to 1000';
revoke execute on function zava.check_search_recall(integer) from public;

-- source: db/functions/search/index_search_assortments.sql
-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, or measures it again where a tenth of what the store sells has changed
-- since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by what lies between three products that the store does not sell, for
-- questions are as hard as that: each of these itself is mostly next to one that is sold. Distances are
-- compared, as zava.check_search_recall() does. It is searched with the least effort of 80, 100, 200, 400 and
-- 1,000 that finds enough, 99 of 100 (80 only for 99.5), as long as that takes less than to compare all; if
-- none does, it is not used.
create or replace function zava.index_search_assortments()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set hnsw.ef_search = 100
as $function$
declare
    v_store record;
    v_index name;
    v_memory bigint;
    v_effort integer;
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select s.store_id, s.products, s.ef_search, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.products > 1500 and e.extname = 'vector'
        and (s.indexed is null or s.ef_search is null or s.changed > s.products / 10)
    order by s.products desc, s.store_id
    limit 1;
    if not found then
        perform set_config('lock_timeout', '1s', true);
        for v_index in
            select c.relname
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            where i.indrelid = 'retail.search_assortments'::regclass
                and not i.indisprimary
                and not exists (
                    select
                    from retail.search_stores as s
                    where s.copied and s.products > 1500
                        and c.relname = format(
                            'search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), s.model_id
                        )
                )
        loop
            begin
                execute format('drop index retail.%I', v_index);
            exception
                when lock_not_available then null;
            end;
        end loop;
        return false;
    end if;

    -- As that of the catalogue: of 20,000 products a graph built with 400 needs twice the effort of each search.
    -- One that does not fit into memory takes many times as long. One process builds it: containers
    -- often have too little shared memory for several.
    v_memory := v_store.products * (v_store.dimensions * 2 + 1200) / 1024 + 8192;
    if v_memory > (
        select s.setting::bigint from pg_catalog.pg_settings as s where s.name = 'maintenance_work_mem'
    ) then
        perform set_config('maintenance_work_mem', least(v_memory, 2000000)::text, true);
    end if;
    perform set_config('max_parallel_maintenance_workers', '0', true);
    execute format(
        'create index if not exists %1$I on retail.search_assortments
            using hnsw ((embedding::%2$I.halfvec(%3$s)) %2$I.halfvec_ip_ops)
            with (m = 24, ef_construction = 800)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    foreach v_effort in array array[80, 100, 200, 400, 1000] loop
        exit when v_effort > greatest(v_store.products / 7, 100);
        execute format('set local hnsw.ef_search = %s', v_effort);
        execute format(
            'select avg((
                select count(*)
                from unnest(c.found) as u (distance)
                where u.distance <= c.nearest[cardinality(c.nearest)]
            ) / cardinality(c.nearest)::numeric)
            from (
                select
                    array(
                        select (a.embedding operator(%1$I.<#>) q.embedding) + 0 as distance
                        from retail.search_assortments as a
                        where a.store_id = %4$L and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as nearest,
                    array(
                        select a.embedding::%1$I.halfvec(%2$s)
                            operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s) as distance
                        from retail.search_assortments as a
                        where a.store_id = %4$L and a.model_id = %3$s
                        order by distance
                        limit 10
                    ) as found
                from (
                    select %1$I.l2_normalize(
                        e.embedding operator(%1$I.+) lead(e.embedding) over w
                            operator(%1$I.+) lead(e.embedding, 2) over w
                    ) as embedding
                    from (
                        select e.embedding, sha256(e.product_id::text::bytea) as place
                        from retail.product_embeddings as e
                        where e.model_id = %3$s and not exists (
                            select
                            from retail.search_assortments as a
                            where a.store_id = %4$L and a.product_id = e.product_id
                        )
                        order by place
                        limit 202
                    ) as e
                    window w as (order by e.place)
                ) as q
                where q.embedding is not null
            ) as c',
            v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
        )
        into v_recall;
        v_store.ef_search := v_effort;
        -- The least effort leaves the most to chance.
        exit when v_recall is null or v_recall >= case when v_effort = 80 then 0.995 else 0.99 end;
    end loop;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, ef_search = v_store.ef_search, changed = 0, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- sources end
reset role;
