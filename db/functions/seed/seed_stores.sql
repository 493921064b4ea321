-- zava.seed_stores(): adds the stores that are missing; returns how many.
-- First step of a load: the lock makes a second load wait, while readers and shops go on.
create or replace function zava.seed_stores()
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_added bigint;
begin
    lock table retail.stores in share row exclusive mode;

    insert into retail.stores (
        store_id, store_key, name, city, is_online, tax_rate, opened_on, created_at, updated_at
    )
    select
        zava.seed_uuid('store:' || s.store_key),
        s.store_key,
        s.name,
        s.city,
        s.is_online,
        s.tax_rate,
        s.opened_on,
        timestamptz '2020-07-01 00:00:00-07',
        timestamptz '2020-07-01 00:00:00-07'
    from zava.seed_shops() as s
    on conflict (lower(store_key)) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_stores() is
    'Adds the stores of the demo data that are missing; returns how many.';
revoke execute on function zava.seed_stores() from public;
