-- 0048 search slips.
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

-- source: db/functions/search/index_search_assortments.sql
-- zava.index_search_assortments(): builds the index of what one store sells, of those stores that sell more
-- than can be compared one by one, or measures it again where a tenth of what the store sells has changed
-- since. When there is none left it drops indexes that are of no use any more and says false: to be run
-- until then, each time on its own, after zava.refresh_search_assortments(); not a tool.
-- Searches go on while an index is built; only another refresh waits. They would not while one is dropped,
-- so that this comes last, waits for nobody for long, and is left to the next time where it would have to.
-- What the index finds is measured by what lies between three products that the store does not sell, for
-- questions are as hard as that: each of these itself is mostly next to one that is sold. An index that
-- finds too little is not used.
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
    v_recall numeric;
begin
    -- One at a time, and none while what stores sell is taken up.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    select s.store_id, s.products, m.model_id, m.dimensions, n.nspname as schema,
        format('search_assortments_%s_%s_idx', replace(s.store_id::text, '-', ''), m.model_id) as name
    into v_store
    from retail.search_stores as s
    join retail.embedding_models as m on m.model_id = s.model_id
    cross join pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where s.copied and s.products > 1500 and e.extname = 'vector'
        and (s.indexed is null or s.changed > s.products / 10)
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

    -- A graph that does not fit into memory takes many times as long. One process builds it: containers
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
            with (m = 24, ef_construction = 200)
            where store_id = %4$L and model_id = %5$s',
        v_store.name, v_store.schema, v_store.dimensions, v_store.store_id, v_store.model_id
    );

    execute format(
        'select avg((
            select count(*)
            from unnest(c.found) as u (product_id)
            where u.product_id = any (c.nearest)
        ) / cardinality(c.nearest)::numeric)
        from (
            select
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by (a.embedding operator(%1$I.<#>) q.embedding) + 0
                    limit 10
                ) as nearest,
                array(
                    select a.product_id
                    from retail.search_assortments as a
                    where a.store_id = %4$L and a.model_id = %3$s
                    order by a.embedding::%1$I.halfvec(%2$s)
                        operator(%1$I.<#>) q.embedding::%1$I.halfvec(%2$s)
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
                    limit 52
                ) as e
                window w as (order by e.place)
            ) as q
            where q.embedding is not null
        ) as c',
        v_store.schema, v_store.dimensions, v_store.model_id, v_store.store_id
    )
    into v_recall;
    update retail.search_stores as s
    set indexed = coalesce(v_recall, 1) >= 0.99, changed = 0, updated_at = now()
    where s.store_id = v_store.store_id;
    return true;
end;
$function$;

comment on function zava.index_search_assortments() is
    'Builds the index of what one store sells, where it sells many products and has none, or measures it again after many changed; false when there is none left, and unused ones are dropped.';
revoke execute on function zava.index_search_assortments() from public;

-- source: db/functions/search/refresh_search_assortments.sql
-- zava.refresh_search_assortments(): takes up for search what stores sell: of every store a bit for each
-- product of the catalogue, of stores that sell up to half of it the vectors as well, side by side in
-- retail.search_assortments. Run by zava.refresh_search_words() and when a model becomes live; not a tool.
-- Rows of retail.inventory are marked as taken up first, so that one which comes while this runs is not,
-- and search sees it; a row that somebody else is changing stays for the next time, as does a product
-- that has no number yet. Indexes of the copies are built by zava.index_search_assortments(), for that
-- takes long and rows marked are locked until this is committed.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (select f.model_id from api._few() as f);
    v_most constant integer := (select f.copied from api._few() as f);
    v_products constant integer := (select count(*) from retail.search_numbers);
    v_copied uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    update retail.inventory as i
    set in_search = true
    from (
        select i.store_id, i.product_id
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where not i.in_search
        for no key update of i skip locked
    ) as u
    where i.store_id = u.store_id and i.product_id = u.product_id;

    v_copied := array(
        select i.store_id
        from retail.inventory as i
        where i.in_search
        group by i.store_id
        having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_copied)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id and i.in_search
            )
        returning a.store_id
    ),
    -- In the order of the key, so that what is read together lies together. A vector may be of a
    -- transaction that began before the last copies were made and ended after.
    written as (
        insert into retail.search_assortments as a (store_id, product_id, model_id, embedding)
        select i.store_id, i.product_id, v_model_id, e.embedding
        from retail.inventory as i
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_copied)
            and i.in_search
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.updated_at <= e.updated_at + interval '5 minutes'
                    and c.embedding::real[] is distinct from e.embedding::real[]
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding, updated_at = now()
        returning a.store_id
    ),
    counted as (
        select c.store_id, count(*)::integer as changed
        from (select r.store_id from removed as r union all select w.store_id from written as w) as c
        group by c.store_id
    ),
    noted as (
        update retail.search_stores as s
        set changed = least(s.changed::bigint + c.changed, 2147483647)
        from counted as c
        where s.store_id = c.store_id
    )
    select coalesce(sum(c.changed), 0) into v_changed from counted as c;

    delete from retail.search_stores as s
    where not exists (
        select from retail.inventory as i where i.store_id = s.store_id and i.in_search
    );
    insert into retail.search_stores as s (store_id, products, copied, sold, model_id)
    select p.store_id, count(*), p.store_id = any (v_copied),
        rpad(string_agg(lpad('1', p.step, '0'), '' order by p.number), v_products, '0')::varbit,
        v_model_id
    from (
        select i.store_id, n.number,
            n.number - lag(n.number, 1, 0) over (partition by i.store_id order by n.number) as step
        from retail.inventory as i
        join retail.search_numbers as n on n.product_id = i.product_id
        where i.in_search
    ) as p
    group by p.store_id
    on conflict (store_id) do update
    set products = excluded.products, copied = excluded.copied, sold = excluded.sold,
        model_id = excluded.model_id, updated_at = now(),
        indexed = case
            when excluded.copied and excluded.products > 1500 and s.model_id = excluded.model_id
                then s.indexed
        end
    where (s.products, s.copied, s.sold, s.model_id)
        is distinct from (excluded.products, excluded.copied, excluded.sold, excluded.model_id);
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Takes up for search what stores sell; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;

-- sources end
reset role;
