-- zava._domain_values(): the values that a check of a domain lists, texts or numbers, as JSON.
-- PostgreSQL writes "value in ('a', 'b')" in one form, and only that is read, each value in its own:
-- 'a'::text, 1, '-1'::integer, (1)::bigint. Any other check is kept by the database alone.
create or replace function zava._domain_values(
    p_domain oid
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select case
        when t.typcategory <> 'N' then (
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
    from pg_catalog.pg_type as t
    join pg_catalog.pg_constraint as k on k.contypid = t.oid
    cross join lateral (
        select substring(
            pg_get_constraintdef(k.oid)
            from '^CHECK \(\(+VALUE\)?(?:::\w+)? = ANY \(+ARRAY\[([^\]]*)\]\)*(?:::\w+\[\])?\)+$'
        )
    ) as d (list)
    where t.oid = p_domain
        and d.list ~ case
            when t.typcategory = 'N'
                then '^(?:\(*''?-?\d+(?:\.\d+)?''?(?:\)*::[\w ]+(?:\(\d+,\d+\))?)*\)*(?:, |$))+$'
            else '^(?:\(*''(?:[^'']|'''')*''(?:\)*::[\w ."]+)*\)*(?:, |$))+$'
        end
    order by k.conname
    limit 1;
end;

comment on function zava._domain_values(oid) is
    'Values that a domain allows, where a check lists them; else null.

p_domain: the domain';
revoke execute on function zava._domain_values(oid) from public;
grant execute on function zava._domain_values(oid) to zava_service;
