-- api._day_start(): the moment at which a day begins in a time zone. Not a tool.
-- Not midnight: where clocks go back from one to midnight (Azores, Havana) there are two, and
-- PostgreSQL takes the second; the sales of an hour would lie before their day. The last moment of
-- the day before comes once, or the later one is meant. But where clocks go forward from eleven to
-- midnight (Greenland) there is none such, and PostgreSQL takes one of the new day. There midnight
-- comes once. So it is the earlier of the two.
create or replace function api._day_start(
    p_day date,
    p_time_zone text
)
returns timestamptz
language sql
stable
parallel safe
security invoker
begin atomic
    select least(
        ((p_day::timestamp - interval '1 microsecond') at time zone p_time_zone)
            + interval '1 microsecond',
        p_day::timestamp at time zone p_time_zone
    );
end;

comment on function api._day_start(date, text) is
    'First moment of a day in a time zone; -infinity and infinity stay what they are.

p_day: the day
p_time_zone: IANA time zone';
revoke execute on function api._day_start(date, text) from public;
grant execute on function api._day_start(date, text)
    to store_manager, regional_manager, head_office;
