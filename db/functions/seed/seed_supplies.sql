-- zava.seed_supplies(): what a store's suppliers deliver, so that its sales never lack goods.
-- Supply up to the start of a month must cover all sales to the month's end, less what came back
-- before, plus a safety stock. The safety stock is nothing in some months: the product runs out
-- and the next delivery waits for the first. Otherwise deliveries come up to five days early.
create or replace function zava.seed_supplies(
    p_store_id uuid,
    p_first date,
    p_last date
)
returns table (product_id uuid, moved_on date, quantity integer)
language plpgsql
stable
parallel safe
security invoker
rows 20000
set search_path = pg_catalog, pg_temp
as $function$
begin
    return query
    with traffic as materialized (
        select d.product_id, date_trunc('month', d.moved_on::timestamp)::date as month,
            sum(d.sold) as sold, sum(d.returned) as returned
        from zava.seed_traffic(p_store_id) as d
        group by d.product_id, date_trunc('month', d.moved_on::timestamp)::date
    ),
    months as materialized (
        select i.product_id, m.month::date as month,
            m.month::date - date '2020-01-01' as month_salt,
            uuid_hash_extended(i.product_id, uuid_hash_extended(p_store_id, 0)) as shelf_key,
            coalesce(t.sold, 0) as sold, coalesce(t.returned, 0) as returned,
            avg(coalesce(t.sold, 0)) over (partition by i.product_id) as mean_sold
        from retail.inventory as i
        cross join generate_series(
            date_trunc('month', p_first::timestamp), p_last::timestamp, interval '1 month'
        ) as m (month)
        left join traffic as t on t.product_id = i.product_id and t.month = m.month::date
        where i.store_id = p_store_id
    ),
    needs as (
        select m.product_id, m.month, m.month_salt, m.shelf_key, s.safety,
            sum(m.sold - m.returned) over (partition by m.product_id order by m.month)
                + m.returned + s.safety as need
        from months as m
        cross join lateral (
            select case
                when zava.seed_number(m.shelf_key, m.month_salt, 100) < 8
                    and m.month > date_trunc('month', p_first::timestamp) then 0
                else 2 + zava.seed_number(m.shelf_key, 0, 4)
                    + ceil(
                        m.mean_sold * (20 + zava.seed_number(m.shelf_key, -m.month_salt, 100)) / 100
                    )
            end as safety
        ) as s
    ),
    supplies as (
        select n.product_id, n.month, n.month_salt, n.shelf_key,
            max(n.need) over (partition by n.product_id order by n.month) as supply,
            lag(n.safety, 1, 0) over (partition by n.product_id order by n.month) as safety_before
        from needs as n
    ),
    deliveries as (
        select s.product_id,
            case
                when s.safety_before = 0 then greatest(s.month, p_first)
                else s.month - zava.seed_number(s.shelf_key, s.month_salt + 1, 6)
            end as moved_on,
            s.supply - lag(s.supply, 1, 0) over (partition by s.product_id order by s.month)
                as quantity
        from supplies as s
    )
    select d.product_id, d.moved_on, d.quantity::integer from deliveries as d where d.quantity > 0;
end;
$function$;

comment on function zava.seed_supplies(uuid, date, date) is
    'Deliveries to a store by product and day; the first of a product is its opening stock.

p_store_id: the store
p_first: day of the opening stock
p_last: last day of the ledger';
revoke execute on function zava.seed_supplies(uuid, date, date) from public;
