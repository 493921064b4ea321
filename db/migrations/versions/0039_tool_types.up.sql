-- 0039 tool types.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/schema/_callable_functions.sql
-- zava._callable_functions(): functions that the caller may call, with what a caller must know.
-- A name with a leading underscore is internal. The line has arguments by name, in [] those that may
-- be left out, and the first sentence of the comment.
create or replace function zava._callable_functions()
returns table (function_name text, signature text, description text, line text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        p.proname::text,
        format(
            '%I.%I(%s) returns %s',
            n.nspname,
            p.proname,
            pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid)
        ),
        coalesce(c.comment, ''),
        concat(
            format(
                '%I.%I(%s)',
                n.nspname,
                p.proname,
                case
                    when p.proargnames is null then pg_get_function_identity_arguments(p.oid)
                    else coalesce(a.arguments, '')
                end
            ),
            ': ' || coalesce(
                substring(c.first_line, '^.*?(?<!e\.g)(?<!i\.e)[.?!](?= |$)'), c.first_line
            )
        )
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    cross join lateral (
        select d.comment, split_part(d.comment, e'\n', 1)
        from obj_description(p.oid, 'pg_proc') as d (comment)
    ) as c (comment, first_line)
    cross join lateral (
        select string_agg(
            case when i.place > p.pronargs - p.pronargdefaults
                then '[' || i.name || ']' else i.name end,
            ', ' order by i.place
        )
        from (
            select row_number() over (order by u.place), coalesce(nullif(u.name, ''), '$' || u.place)
            from unnest(p.proargnames, p.proargmodes) with ordinality as u (name, mode, place)
            where coalesce(u.mode, 'i') in ('i', 'b', 'v')
        ) as i (place, name)
    ) as a (arguments)
    where n.nspname = 'api'
        and p.prokind = 'f'
        and not starts_with(p.proname::text, '_')
        and has_schema_privilege(n.oid, 'usage')
        and has_function_privilege(p.oid, 'execute');
end;

comment on function zava._callable_functions() is
    'Functions of the schema api that the caller may call.';
revoke execute on function zava._callable_functions() from public;
grant execute on function zava._callable_functions()
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_domain_values.sql
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

-- source: db/functions/schema/_type_facts.sql
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

-- source: db/functions/schema/describe_schema.sql
-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null,
    p_search text default null
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select case
        when coalesce(btrim(p_search), '') <> '' then zava._search_schema(p_search, p_name)
        when coalesce(btrim(p_name), '') = '' then zava._describe_all()
        else (
            select string_agg(d.description, e'\n\n' order by d.description)
            from (
                select concat_ws(
                    e'\n',
                    concat(
                        format('%I.%I', t.schema_name, t.table_name),
                        ': ' || obj_description(t.table_id, 'pg_class')
                    ),
                    case
                        when c.relkind in ('r', 'p') then 'Rows you see: '
                            || coalesce(nullif(zava._own_rows(c.oid), 10001)::text, 'more than 10000')
                    end,
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
                join pg_catalog.pg_class as c on c.oid = t.table_id
                where lower(btrim(p_name)) in
                    (lower(t.table_name), lower(t.schema_name || '.' || t.table_name))
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where lower(btrim(p_name)) in (lower(f.function_name), lower('api.' || f.function_name))
            ) as d (description)
        )
    end;
end;

comment on function api.describe_schema(text, text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values, comments and how many rows you see. With words: what they are found in. Null when there is nothing.

p_name: table or function, with or without its schema, for example orders or api.whoami
p_search: words to look for in names and comments, for example customer city';
revoke execute on function api.describe_schema(text, text) from public;
grant execute on function api.describe_schema(text, text)
    to store_manager, regional_manager, head_office;

-- sources end
reset role;
