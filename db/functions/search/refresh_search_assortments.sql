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
    ),
    noted_of_regions as (
        update retail.search_regions as r
        set changed = least(r.changed::bigint + c.changed, 2147483647)
        from counted as c
        where r.store_id = c.store_id
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
