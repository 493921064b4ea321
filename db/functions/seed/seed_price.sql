-- zava.seed_price(): what a store asks for a product in a calendar year.
-- Prices rise by a few per cent a year, most of it in 2022, and end on a nine. The recommended
-- price of the catalogue is that of 2026.
create or replace function zava.seed_price(
    p_list_price numeric,
    p_level numeric,
    p_year integer
)
returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    select floor(p_list_price * p_level * 10 * case
        when p_year <= 2020 then 0.82
        when p_year = 2021 then 0.85
        when p_year = 2022 then 0.91
        when p_year = 2023 then 0.95
        when p_year = 2024 then 0.965
        when p_year = 2025 then 0.98
        else 1 + 0.02 * (p_year - 2026)
    end) / 10 + 0.09;
end;

comment on function zava.seed_price(numeric, numeric, integer) is
    'Price of a product of the demo data in USD without tax, ending on a nine.

p_list_price: recommended price of the catalogue
p_level: price level of the store, 1 for the recommended price
p_year: calendar year';
revoke execute on function zava.seed_price(numeric, numeric, integer) from public;
