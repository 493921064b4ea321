-- api._date_range(): checked first and last day of a report, and moments around them. Not a tool.
-- A report filters by its stores' local days, which no index knows. The two moments enclose these
-- days in every time zone (UTC+14 to UTC-12): a filter on order_date beside it keeps the index.
-- Days to come are cut off: with them, the days so far would be compared with more days than these.
create or replace function api._date_range(
    p_from date,
    p_to date,
    p_days integer default 30
)
returns table (date_from date, date_to date, moment_from timestamptz, moment_to timestamptz)
language plpgsql
stable
parallel restricted
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_to date;
    v_from date;
    v_today date;
    v_wrong constant date := case
        when p_from not between date '1900-01-01' and date '2999-12-31' then p_from
        when p_to not between date '1900-01-01' and date '2999-12-31' then p_to
    end;
begin
    if v_wrong is not null then
        raise exception 'date out of range: %', v_wrong
            using errcode = 'invalid_parameter_value',
                  hint = 'Use dates from 1900-01-01 to 2999-12-31, written YYYY-MM-DD.';
    end if;

    v_to := coalesce(p_to, api._newest_day());
    if v_to < p_from then
        raise exception 'p_to (%) is before p_from (%)', v_to, p_from
            using errcode = 'invalid_parameter_value',
                  hint = case
                      when p_to is null then 'p_to is the day of the newest sale unless given.'
                      else 'Swap the two dates.'
                  end;
    end if;

    -- Today is the stores' own; only near the server's is it looked up.
    if p_to >= current_date - 1 then
        select max((now() at time zone s.time_zone)::date) into v_today from retail.stores as s;
        if p_to > v_today then
            v_to := greatest(least(p_to, greatest(v_today, api._newest_day())), p_from);
        end if;
    end if;
    v_from := coalesce(p_from, v_to - p_days + 1);

    return query
    select
        v_from,
        v_to,
        (v_from::timestamp - interval '14 hours') at time zone 'UTC',
        ((v_to + 1)::timestamp + interval '12 hours') at time zone 'UTC';
end;
$function$;

comment on function api._date_range(date, date, integer) is
    'Checked days of a report, with the moments that enclose them in every time zone. Nulls where there are no sales to take a default from.

p_from: first day, inclusive; null for p_days before p_to
p_to: last day, inclusive; null for the day of the newest sale that the caller sees; later than today in every store counts as today or the day of the newest sale
p_days: length of the period when p_from is null, in days';
revoke execute on function api._date_range(date, date, integer) from public;
grant execute on function api._date_range(date, date, integer)
    to store_manager, regional_manager, head_office;
