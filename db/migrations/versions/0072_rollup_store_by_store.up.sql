-- 0072 rollup store by store.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/analytics/refresh_daily_sales.sql
-- zava.refresh_daily_sales(): brings retail.daily_sales, daily_totals and daily_customers up to
-- date, store by store. Run by the administrator, from a timer; not a tool.
-- A day is stored when it has been over for an hour, so that sales of its last minutes are
-- committed. The row lock on the store makes this safe beside writers and beside itself: whoever
-- changes sales of stored days takes these days back in the same transaction,
--     update retail.stores
--     set rolled_up_to = case when rolled_up_to >= DAY then DAY - 1 else rolled_up_to end
--     where store_id = …
-- and one of the two waits for the other; least() would make a mark of none. Without that, a change is found when it is at most 31
-- days old, or when p_from reaches back to it. Readers are never blocked.
-- Repeating it changes nothing; rows that are right already are not written.
create or replace function zava.refresh_daily_sales(
    p_from date default null,
    p_to date default null
)
returns table (store_key text, rolled_up_to date, changed_rows bigint)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_store record;
    v_first date;
    v_last date;
begin
    for v_store in
        select s.store_id, s.store_key, s.time_zone from retail.stores as s order by s.store_key
    loop
        select s.rolled_up_to
        into rolled_up_to
        from retail.stores as s
        where s.store_id = v_store.store_id
        for no key update;

        -- Days follow each other without a gap; nothing is stored beyond the newest order.
        v_first := case
            when rolled_up_to is null then '-infinity'
            else least(coalesce(p_from, rolled_up_to - 30), rolled_up_to + 1)
        end;
        select least(
            greatest((max(o.order_date) at time zone v_store.time_zone)::date, rolled_up_to),
            ((now() - interval '1 hour') at time zone v_store.time_zone)::date - 1,
            p_to
        )
        into v_last
        from retail.orders as o
        where o.store_id = v_store.store_id
        having max(o.order_date) is not null or rolled_up_to is not null;

        store_key := v_store.store_key;
        changed_rows := 0;
        if v_first <= v_last then
            begin
                changed_rows := zava._store_daily_sales(v_store.store_id, v_first, v_last)
                    + zava._store_daily_customers(v_store.store_id, v_first, v_last);
                rolled_up_to := greatest(rolled_up_to, v_last);
                update retail.stores as s
                set rolled_up_to = refresh_daily_sales.rolled_up_to
                where s.store_id = v_store.store_id
                    and s.rolled_up_to is distinct from refresh_daily_sales.rolled_up_to;
            -- A day of four thousand million pieces keeps its own store's days from being stored, and
            -- no other's.
            exception
                when numeric_value_out_of_range then
                    changed_rows := null;
                    raise warning 'the sales of store % from % to % are more than the rollup holds: %',
                        v_store.store_key, v_first, v_last, sqlerrm;
            end;
        end if;
        return next;
    end loop;

    -- Servers forget the answers they keep.
    notify zava_data;
end;
$function$;

comment on function zava.refresh_daily_sales(date, date) is
    'Brings the daily rollup up to date and tells, by store, the last stored day and how many rows were written or removed; null where a day sold more than the rollup holds, and nothing was stored.

p_from: first day to compute anew; null for the last 31 stored days; -infinity for all
p_to: last day to store, to go in steps; null for yesterday in the store''s time zone';
revoke execute on function zava.refresh_daily_sales(date, date) from public;

-- sources end
reset role;
