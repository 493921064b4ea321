-- zava.seed_arguments(): checks scale and last day; everything else trusts them.
-- Scale becomes a whole number of millionths: sizes are then exact, also at 0.05.
create or replace function zava.seed_arguments(
    p_scale numeric,
    p_until date default null
)
returns table (scale bigint, until date)
language plpgsql
immutable
parallel safe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_until date := coalesce(p_until, date '2026-06-30');
begin
    if p_scale is null or not (p_scale > 0 and p_scale <= 100) then
        raise exception 'scale out of range: %', coalesce(p_scale::text, 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'Use a number up to 100: 1 is 200,000 orders, 0.05 a quick start.';
    end if;

    if p_scale < 0.0001 then
        raise exception 'scale too small: %', p_scale
            using errcode = 'invalid_parameter_value', hint = 'The smallest scale is 0.0001.';
    end if;

    if v_until < date '2020-07-01' or v_until > date '2039-12-31' then
        raise exception 'last day out of range: %', to_char(v_until, 'YYYY-MM-DD')
            using errcode = 'invalid_parameter_value',
                  hint = 'The data starts on 2020-07-01 and runs to 2039-12-31 at most.';
    end if;

    return query select floor(p_scale * 1000000)::bigint, v_until;
end;
$function$;

comment on function zava.seed_arguments(numeric, date) is
    'Checked arguments of the demo data: scale in millionths and the last day.

p_scale: 1 for 200,000 orders and 50,000 customers; above 0, 100 at most
p_until: last day of the data; empty for 2026-06-30';
revoke execute on function zava.seed_arguments(numeric, date) from public;
