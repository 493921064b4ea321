-- zava._type_values(): the values of an enum, of a domain whose check lists them, or of what a domain
-- or an array is made of; null where there are more than 50.
create or replace function zava._type_values(
    p_type oid
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    with recursive made_of (type_id, kind, depth) as (
        select t.oid, t.typtype, 0
        from pg_catalog.pg_type as t
        where t.oid = p_type
        union all
        select t.oid, t.typtype, m.depth + 1
        from made_of as m
        join pg_catalog.pg_type as w on w.oid = m.type_id
        join pg_catalog.pg_type as t
            on t.oid = case when w.typtype = 'd' then w.typbasetype else w.typelem end
        where w.typtype = 'd' or w.typsubscript = 'array_subscript_handler'::regproc
    )
    select v.list
    from made_of as m
    cross join lateral (
        select case m.kind
            when 'e' then (
                select string_agg(e.enumlabel, '|' order by e.enumsortorder)
                from pg_catalog.pg_enum as e
                where e.enumtypid = m.type_id
                having count(*) <= 50
            )
            when 'd' then (
                select string_agg(j.value, '|' order by j.place)
                from json_array_elements_text(zava._domain_values(m.type_id))
                    with ordinality as j (value, place)
                having count(*) <= 50
            )
        end
    ) as v (list)
    where v.list is not null
    order by m.depth
    limit 1;
end;

comment on function zava._type_values(oid) is
    'Values of an enum or a domain that lists them, separated by |; null of other types.

p_type: the type of a column';
revoke execute on function zava._type_values(oid) from public;
grant execute on function zava._type_values(oid)
    to store_manager, regional_manager, head_office;
