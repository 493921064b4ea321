-- zava.seed_customers(): adds the customers that a store has at a scale and does not have yet.
-- A customer is its cohort and its number inside it; low numbers exist at every scale and, being
-- there for every order, buy most.
create or replace function zava.seed_customers(
    p_store_key text,
    p_scale bigint,
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
    v_first_names constant text[] := zava.seed_first_names();
    v_last_names constant text[] := zava.seed_last_names();
    v_domains constant text[] := array['example.com', 'example.net', 'example.org'];
    v_added bigint;
begin
    insert into retail.customers (
        store_id, customer_id, first_name, last_name, email, city, loyalty_tier, joined_on,
        created_at, updated_at
    )
    select
        t.store_id,
        zava.seed_uuid('customer:' || p_store_key || ':' || c.cohort || ':' || c.number),
        c.first_name,
        c.last_name,
        -- unaccent is not part of every server; lower() must not depend on the locale
        lower(translate(c.first_name || '.' || c.last_name collate "C",
                'ÁÅÉØÖÜŁŠáâãäåçèéêëíïıñóôöøúüčćěłńřšýž''', 'AAEOOULSaaaaaceeeeiiinoooouuccelnrsyz'))
            || '-' || c.cohort || '-' || c.number || '@'
            || v_domains[1 + zava.seed_number(c.customer_key, 5, 3)],
        s.customer_cities[
            1 + zava.seed_number(c.customer_key, 6, cardinality(s.customer_cities))
        ],
        case
            when zava.seed_number(c.customer_key, 1, 100) >= 94 then 'gold'
            when zava.seed_number(c.customer_key, 1, 100) >= 80 then 'silver'
            when zava.seed_number(c.customer_key, 1, 100) >= 55 then 'bronze'
            else 'none'
        end,
        c.joined_on,
        c.joined_on::timestamp at time zone 'America/Los_Angeles',
        c.joined_on::timestamp at time zone 'America/Los_Angeles'
    from zava.seed_shops() as s
    join retail.stores as t on t.store_key = s.store_key
    cross join generate_series(0, zava.seed_business_year(p_until)) as y (cohort)
    cross join lateral generate_series(
        1,
        (case y.cohort when 0 then s.founders else s.joiners end * p_scale + 500000) / 1000000
    ) as n (number)
    cross join lateral (
        select k.customer_key, y.cohort, n.number,
            v_first_names[1 + zava.seed_number(k.customer_key, 3, cardinality(v_first_names))]
                as first_name,
            v_last_names[1 + zava.seed_number(k.customer_key, 4, cardinality(v_last_names))]
                as last_name,
            zava.seed_signup_day(k.customer_key, y.cohort) as joined_on
        from (
            select zava.seed_key(zava.seed_key(s.shop_key, -1 - y.cohort), n.number) as customer_key
        ) as k
    ) as c
    where s.store_key = p_store_key and c.joined_on <= p_until
    on conflict (store_id, customer_id) do nothing;

    get diagnostics v_added = row_count;
    return v_added;
end;
$function$;

comment on function zava.seed_customers(text, bigint, date) is
    'Adds the missing customers of a store of the demo data; returns how many.

p_store_key: key of the store
p_scale: scale in millionths
p_until: last day of the data; who joins later is left out';
revoke execute on function zava.seed_customers(text, bigint, date) from public;
