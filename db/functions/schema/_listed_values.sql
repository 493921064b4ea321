-- zava._listed_values(): the values that a check lists, texts or numbers, as JSON.
-- PostgreSQL writes "x in ('a', 'b')" in one form, and only that is read, each value in its own:
-- 'a'::text, 1, '-1'::integer, (1)::bigint. Any other check is kept by the database alone.
create or replace function zava._listed_values(
    p_check text,
    p_numbers boolean
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when not p_numbers then (
            select json_agg(replace(m.value[1], '''''', '''') order by m.position)
            from regexp_matches(d.list, '''((?:[^'']|'''')*)''', 'g')
                with ordinality as m (value, position)
        )
        else (
            select json_agg(m.value[1]::numeric order by m.position)
            from regexp_matches(d.list, '(?:^|, )\(*''?(-?\d+(?:\.\d+)?)', 'g')
                with ordinality as m (value, position)
        )
    end
    from (
        select substring(
            p_check
            from concat(
                '^CHECK \(\(+(?:"(?:[^"]|"")+"|[^\s"()]+)\)?(?:::\w+)?',
                ' = ANY \(+ARRAY\[([^\]]*)\]\)*(?:::\w+\[\])?\)+$'
            )
        )
    ) as d (list)
    where d.list ~ case
        when p_numbers
            then '^(?:\(*''?-?\d+(?:\.\d+)?''?(?:\)*::[\w ]+(?:\(\d+,\d+\))?)*\)*(?:, |$))+$'
        else '^(?:\(*''(?:[^'']|'''')*''(?:\)*::[\w ."]+)*\)*(?:, |$))+$'
    end;
end;

comment on function zava._listed_values(text, boolean) is
    'Values that a check lists; null where it is none that does.

p_check: what pg_get_constraintdef() says of it
p_numbers: whether the values are numbers';
revoke execute on function zava._listed_values(text, boolean) from public;
grant execute on function zava._listed_values(text, boolean)
    to zava_service, store_manager, regional_manager, head_office;
