-- api._span(): the moments between which the days of a report lie. Not a tool.
-- Reports filter by these: order_date has an index, a day computed from it has none, and the
-- planner cannot guess how many rows a computed day keeps. Where the stores lie in several time
-- zones, the moments enclose all of them, and the report has to look at sold_on too.
-- Moments are handed over as values: an expression with a time zone in it would not be used for an
-- index under row-level security, for it is not leakproof.
create or replace function api._span(
    p_stores uuid[],
    p_from date,
    p_to date
)
returns table (moment_from timestamptz, moment_to timestamptz, is_exact boolean)
language sql
stable
parallel restricted
security invoker
begin atomic
    select
        min(api._day_start(p_from, s.time_zone)),
        max(api._day_start(p_to + 1, s.time_zone)),
        min(s.time_zone) = max(s.time_zone)
    from retail.stores as s
    where s.store_id = any (p_stores);
end;

comment on function api._span(uuid[], date, date) is
    'First moment of a day and first moment after another, in the time zones of some stores; is_exact when these are one.

p_stores: ids of the stores
p_from: first day, inclusive
p_to: last day, inclusive';
revoke execute on function api._span(uuid[], date, date) from public;
grant execute on function api._span(uuid[], date, date)
    to store_manager, regional_manager, head_office;
