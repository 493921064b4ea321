-- zava._type_facts(): what one must know of a type to write a JSON Schema for it: its name as SQL
-- writes it (schema included, of any length: "character" alone would be one letter), its kind
-- (pg_type.typtype, or a for an array), the element of an array and the base of a domain, the
-- columns of a row, and the values of an enum or of a domain whose check lists them. Calls itself,
-- which a body bound at creation could not.
create or replace function zava._type_facts(
    p_type oid
)
returns json
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    return (
        select json_strip_nulls(json_build_object(
            'name', t.typname,
            'sql', format_type(t.oid, -1),
            'kind', k.kind,
            'of', case k.kind
                when 'a' then zava._type_facts(t.typelem)
                when 'd' then zava._type_facts(t.typbasetype)
            end,
            'values', case k.kind
                when 'd' then zava._domain_values(t.oid)
                when 'e' then (
                    select json_agg(e.enumlabel order by e.enumsortorder)
                    from pg_enum as e
                    where e.enumtypid = t.oid
                )
            end,
            'columns', case when k.kind = 'c' then (
                select json_agg(
                    json_build_object('name', a.attname, 'type', zava._type_facts(a.atttypid))
                    order by a.attnum
                )
                from pg_attribute as a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            ) end
        ))
        from pg_type as t
        cross join lateral (
            select case
                when t.typsubscript = 'array_subscript_handler'::regproc then 'a'
                else t.typtype::text
            end
        ) as k (kind)
        where t.oid = p_type
    );
end;
$function$;

comment on function zava._type_facts(oid) is
    'Name, kind, element, columns and values of a type, for the schema of a tool.

p_type: the type';
revoke execute on function zava._type_facts(oid) from public;
grant execute on function zava._type_facts(oid) to zava_service;
