-- zava.seed_signup_day(): the day on which a customer of the demo data was registered.
-- Cohort 0 are the founders, registered before the first sale; cohort n those of business year n,
-- which runs from July to June.
create or replace function zava.seed_signup_day(
    p_customer_key bigint,
    p_cohort integer
)
returns date
language sql
immutable
parallel safe
security invoker
begin atomic
    select case
        when p_cohort = 0
            then date '2020-06-30' - zava.seed_number(p_customer_key, 2, 1000)
        else make_date(2019 + p_cohort, 7, 1) + zava.seed_number(
            p_customer_key, 2, make_date(2020 + p_cohort, 7, 1) - make_date(2019 + p_cohort, 7, 1)
        )
    end;
end;

comment on function zava.seed_signup_day(bigint, integer) is
    'Day on which a customer of the demo data was registered.

p_customer_key: key of the customer
p_cohort: 0 for founders, else the business year, 1 from July 2020';
revoke execute on function zava.seed_signup_day(bigint, integer) from public;
