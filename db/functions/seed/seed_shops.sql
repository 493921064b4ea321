-- zava.seed_shops(): the eight stores of Zava Retail and what tells them apart.
-- All numbers of size are those of scale 1: 200,000 orders up to 2026-06-30 and 50,000 customers
-- (26,000 founders and 4,000 a year). Share of customers: Seattle 30, Bellevue 25, Tacoma 20,
-- Spokane 8, online 30; orders a customer: 3.0, 2.6, 2.4, 2.0, 3.0; lines a basket follow the
-- value of a purchase: 1.3, 1.2, 1.1, 1.0, 1.5.
create or replace function zava.seed_shops()
returns table (
    shop_key bigint,
    store_key text,
    name text,
    city text,
    is_online boolean,
    tax_rate numeric,
    opened_on date,
    orders integer,
    founders integer,
    joiners integer,
    mean_lines numeric,
    price_level numeric,
    assortment_percent integer,
    customer_cities text[]
)
language sql
immutable
parallel safe
security invoker
rows 8
begin atomic
    select
        hashtextextended('store:' || v.store_key, 0),
        v.store_key,
        'Zava Retail ' || v.name,
        v.city,
        v.store_key = 'online',
        v.tax_rate,
        v.opened_on,
        v.orders,
        v.founders,
        v.joiners,
        v.mean_lines,
        v.price_level,
        v.assortment_percent,
        v.customer_cities
    from (
        values
            ('seattle', 'Seattle', 'Seattle', 0.1035, date '2009-03-14', 53900, 6100, 900,
                2.70, 1.00, 93, array['Seattle', 'Seattle', 'Shoreline', 'Burien', 'Renton']),
            ('bellevue', 'Bellevue', 'Bellevue', 0.1020, date '2011-05-07', 38900, 5100, 800,
                2.50, 1.03, 88, array['Bellevue', 'Bellevue', 'Issaquah', 'Mercer Island']),
            ('tacoma', 'Tacoma', 'Tacoma', 0.1030, date '2012-09-22', 28700, 4100, 600,
                2.30, 0.99, 84, array['Tacoma', 'Tacoma', 'Lakewood', 'Puyallup', 'Federal Way']),
            ('spokane', 'Spokane', 'Spokane', 0.0900, date '2013-04-20', 9600, 1600, 300,
                2.10, 0.97, 76, array['Spokane', 'Spokane', 'Spokane Valley', 'Cheney']),
            ('everett', 'Everett', 'Everett', 0.0990, date '2014-10-04', 5400, 1000, 200,
                2.10, 0.99, 70, array['Everett', 'Everett', 'Marysville', 'Mukilteo', 'Snohomish']),
            ('redmond', 'Redmond', 'Redmond', 0.1030, date '2015-06-13', 6000, 1200, 200,
                2.10, 1.02, 67, array['Redmond', 'Redmond', 'Sammamish', 'Duvall']),
            ('kirkland', 'Kirkland', 'Kirkland', 0.1030, date '2017-05-20', 3600, 800, 100,
                2.00, 1.02, 62, array['Kirkland', 'Kirkland', 'Bothell', 'Woodinville']),
            ('online', 'Online', 'Seattle', 0.1035, date '2016-02-01', 53900, 6100, 900,
                3.12, 0.98, 100, array[
                    'Seattle', 'Spokane', 'Vancouver', 'Olympia', 'Bellingham', 'Yakima',
                    'Kennewick', 'Wenatchee', 'Port Angeles', 'Walla Walla'
                ])
    ) as v (
        store_key, name, city, tax_rate, opened_on, orders, founders, joiners, mean_lines,
        price_level, assortment_percent, customer_cities
    );
end;

comment on function zava.seed_shops() is
    'The stores of the demo data with their sizes at scale 1 and their habits.';
revoke execute on function zava.seed_shops() from public;
