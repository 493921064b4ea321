-- zava.check_search_recall(): how much of what is nearest the index of each model finds, against
-- comparing all, and the smallest ef_search of 80, 100, 150, 200 and 400 that finds 99 of 100 (80 only for
-- 99.5), or the most if none does. Search uses it from then on. Run by the administrator after an index was
-- built; not a tool. Reads every vector as often as the sample is large, once; of a small sample one small
-- part of the catalogue to which the index does not lead would be missing, or weigh as much as several.
-- Asked for are points between two products, nearer to the first: a product itself would be too easy. Of
-- products with one text any is as near as another, so that distances are compared, and not products: they
-- pass through texts, which have to name them exactly. Who may not sort has to follow the index, as searches do:
-- of few products PostgreSQL would rather compare all, and find all. On 16 that looks so dear that it would
-- compile.
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
set enable_sort = off
set jit = off
set extra_float_digits = 1
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
        foreach v_ef_search in array array[80, 100, 150, 200, 400] loop
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
            exit when recall >= case when v_ef_search = 80 then 0.995 else 0.99 end;
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
