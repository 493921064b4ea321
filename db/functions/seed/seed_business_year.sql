-- zava.seed_business_year(): number of the year from July to June that a day lies in; 1 is 2020/21.
create or replace function zava.seed_business_year(
    p_day date
)
returns integer
language sql
immutable
parallel safe
security invoker
begin atomic
    select (extract(year from p_day) - 2020)::integer
        + case when extract(month from p_day) >= 7 then 1 else 0 end;
end;

comment on function zava.seed_business_year(date) is
    'Business year of the demo data, 1 from July 2020 to June 2021.

p_day: a day';
revoke execute on function zava.seed_business_year(date) from public;
