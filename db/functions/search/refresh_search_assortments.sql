-- zava.refresh_search_assortments(): brings retail.search_assortments in line with what stores sell that
-- sell few products, and counts what each store sells. Run by zava.refresh_search_words() and when a
-- model becomes live; not a tool. Of the copies a print is kept: search uses them only as long as the
-- products that are sold have the same, so that it never depends on when this was run.
create or replace function zava.refresh_search_assortments()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_model_id constant smallint := (
        select m.model_id from retail.embedding_models as m where m.state = 'live'
    );
    v_most constant integer := (select f.copied from api._few() as f);
    v_small uuid[];
    v_changed bigint;
begin
    -- One at a time.
    perform pg_advisory_xact_lock(hashtext('zava.refresh_search_assortments'));

    v_small := array(
        select i.store_id from retail.inventory as i group by i.store_id having count(*) <= v_most
    );

    with removed as (
        delete from retail.search_assortments as a
        where a.store_id <> all (v_small)
            or not exists (
                select
                from retail.inventory as i
                where i.store_id = a.store_id and i.product_id = a.product_id
            )
        returning 1
    ),
    -- In the order of the key, so that what is read together lies together.
    written as (
        insert into retail.search_assortments as a (
            store_id, product_id, model_id, embedding, search_words
        )
        select i.store_id, i.product_id, v_model_id, e.embedding, p.search_words
        from retail.inventory as i
        join retail.products as p on p.product_id = i.product_id
        left join retail.product_embeddings as e
            on e.model_id = v_model_id and e.product_id = i.product_id
        left join retail.search_assortments as c
            on c.store_id = i.store_id and c.product_id = i.product_id
        where i.store_id = any (v_small)
            and (
                c.product_id is null
                or c.model_id is distinct from v_model_id
                or c.search_words is distinct from p.search_words
                or c.updated_at <= e.updated_at
            )
        order by i.store_id, i.product_id
        on conflict (store_id, product_id) do update
        set model_id = excluded.model_id, embedding = excluded.embedding,
            search_words = excluded.search_words, updated_at = now()
        returning 1
    )
    select (select count(*) from removed) + (select count(*) from written) into v_changed;

    insert into retail.search_stores as s (store_id, products, print, model_id)
    select i.store_id, count(*),
        (
            select bit_xor(api._sold_print(a.store_id, a.product_id))
            from retail.search_assortments as a
            where a.store_id = i.store_id
        ),
        v_model_id
    from retail.inventory as i
    group by i.store_id
    on conflict (store_id) do update
    set products = excluded.products, print = excluded.print, model_id = excluded.model_id,
        updated_at = now();
    return v_changed;
end;
$function$;

comment on function zava.refresh_search_assortments() is
    'Copies vectors and words of what small stores sell side by side for search; returns how many rows of retail.search_assortments were written or removed.';
revoke execute on function zava.refresh_search_assortments() from public;
