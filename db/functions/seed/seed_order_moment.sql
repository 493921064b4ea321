-- zava.seed_order_moment(): when on its day an order or return of the demo data happened.
-- Shops are open from 7 to 20 h, busiest before noon; online orders come round the clock, most of
-- them in the evening. The steps are the cumulated shares of the hours in per cent.
create or replace function zava.seed_order_moment(
    p_order_key bigint,
    p_salt integer,
    p_day date,
    p_is_online boolean
)
returns timestamptz
language sql
immutable
parallel safe
security invoker
begin atomic
    select (
        p_day::timestamp
        + make_interval(
            hours => case
                when p_is_online then width_bucket(
                    zava.seed_number(p_order_key, p_salt, 100),
                    array[
                        2, 3, 4, 5, 6, 7, 9, 12, 16, 21, 26, 31, 37, 42, 47, 52, 57, 63, 69, 77, 85,
                        92, 97
                    ]
                )
                else 7 + width_bucket(
                    zava.seed_number(p_order_key, p_salt, 100),
                    array[3, 9, 18, 29, 40, 50, 59, 68, 77, 86, 94, 98]
                )
            end,
            secs => zava.seed_number(p_order_key, p_salt + 1, 3600)
        )
    ) at time zone 'America/Los_Angeles';
end;

comment on function zava.seed_order_moment(bigint, integer, date, boolean) is
    'Moment of an order of the demo data on its day in Washington State.

p_order_key: key of the order
p_salt: which of the order''s numbers; the next one is used too
p_day: the day
p_is_online: true for the hours of the online shop';
revoke execute on function zava.seed_order_moment(bigint, integer, date, boolean) from public;
