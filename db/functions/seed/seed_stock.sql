-- zava.seed_stock(): writes a store's stock ledger anew from its orders; returns the rows written.
-- Derived state: opening stock and deliveries are made to fit the sales (seed_supplies), sales and
-- returns are those of the order lines, and the stock level is the sum of it all.
create or replace function zava.seed_stock(
    p_catalogue jsonb,
    p_store_key text,
    p_until date
)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store_id uuid;
    v_first date;
    v_last date;
    v_written bigint;
begin
    select
        s.store_id,
        least(date '2020-07-01', (min(o.order_date) at time zone s.time_zone)::date),
        greatest(p_until, (max(o.order_date) at time zone s.time_zone)::date)
    into v_store_id, v_first, v_last
    from retail.stores as s
    left join retail.orders as o on o.store_id = s.store_id
    where s.store_key = p_store_key
    group by s.store_id;

    delete from retail.stock_movements as m where m.store_id = v_store_id;

    insert into retail.stock_movements (
        store_id, product_id, moved_on, kind, quantity, created_at, updated_at
    )
    select v_store_id, m.product_id, m.moved_on, m.kind, m.quantity,
        m.moved_on::timestamp at time zone 'America/Los_Angeles',
        m.moved_on::timestamp at time zone 'America/Los_Angeles'
    from (
        select d.product_id, d.moved_on,
            case when d.moved_on = v_first then 'opening' else 'receipt' end as kind, d.quantity
        from zava.seed_supplies(v_store_id, v_first, v_last) as d
        union all
        select t.product_id, t.moved_on, k.kind, k.quantity::integer
        from zava.seed_traffic(v_store_id) as t
        cross join lateral (values ('sale', -t.sold), ('return', t.returned)) as k (kind, quantity)
        where k.quantity <> 0
    ) as m;
    get diagnostics v_written = row_count;

    update retail.inventory as i
    set stock_level = m.on_hand,
        reorder_level = ceil(1.3 * i.lead_time_days * m.sold / (v_last - v_first + 1)) + 1,
        price = coalesce(a.price, i.price),
        unit_cost = coalesce(a.unit_cost, i.unit_cost),
        updated_at = (v_last + 1)::timestamp at time zone 'America/Los_Angeles'
    from (
        select v.product_id, coalesce(sum(s.quantity), 0) as on_hand,
            coalesce(-sum(s.quantity) filter (where s.kind = 'sale'), 0) as sold
        from retail.inventory as v
        left join retail.stock_movements as s
            on s.store_id = v.store_id and s.product_id = v.product_id
        where v.store_id = v_store_id
        group by v.product_id
    ) as m
    left join zava.seed_assortment(p_catalogue, p_store_key, extract(year from v_last)::integer)
        as a on a.product_id = m.product_id
    where i.store_id = v_store_id and i.product_id = m.product_id;

    return v_written;
end;
$function$;

comment on function zava.seed_stock(jsonb, text, date) is
    'Writes the stock ledger and stock levels of a store anew from its orders; returns ledger rows.

p_catalogue: the catalogue, an array with one document a category
p_store_key: key of the store
p_until: last day of the ledger, or the last order''s if that is later';
revoke execute on function zava.seed_stock(jsonb, text, date) from public;
