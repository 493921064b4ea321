-- 0055 describe foreign, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

revoke execute on function zava._domain_values(oid) from zava_service, store_manager, regional_manager, head_office;

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

-- zava._describe_all(): the overview, a line for each table and function.
-- What stands in the brackets behind a table is its primary key.
create or replace function zava._describe_all()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select concat_ws(
        e'\n',
        'Tables, each with its primary key:',
        (
            select string_agg(
                concat(
                    format('%I.%I', t.schema_name, t.table_name),
                    ' (' || zava._column_names(k.conrelid, k.conkey) || ')',
                    ': ' || split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1)
                ),
                e'\n'
                order by t.schema_name desc, t.table_name
            )
            from zava._readable_tables() as t
            left join pg_catalog.pg_constraint as k
                on k.conrelid = t.table_id and k.contype = 'p'
        ),
        'Functions, in [] what may be left out:',
        (
            select string_agg(f.line, e'\n' order by f.line)
            from zava._callable_functions() as f
        ),
        'Columns, types and defaults of one of them: describe_schema with its name.'
    );
end;

comment on function zava._describe_all() is
    'All tables and functions that the caller may use, a line each.';
revoke execute on function zava._describe_all() from public;
grant execute on function zava._describe_all()
    to store_manager, regional_manager, head_office;

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

-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint
-- lists the values of a column, so does its line; and where a text is the key of a small table.
create or replace function zava._describe_columns(
    p_table oid
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select string_agg(
        concat(
            quote_ident(a.attname),
            ' ',
            format_type(a.atttypid, a.atttypmod),
            case when not a.attnotnull then ' null' end,
            ' (' || coalesce(v.list, o.list) || ')',
            ': ' || col_description(a.attrelid, a.attnum)
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    left join lateral (
        select string_agg(replace(m.value[1], '''''', ''''), '|' order by m.position) as list
        from pg_catalog.pg_constraint as k
        cross join lateral pg_get_constraintdef(k.oid) as d (definition)
        cross join lateral regexp_matches(d.definition, '''((?:[^'']|'''')*)''', 'g')
            with ordinality as m (value, position)
        where k.conrelid = a.attrelid
            and k.contype = 'c'
            and k.conkey = array[a.attnum]
            -- PostgreSQL's own form of: column in ('a', 'b')
            and d.definition ~ '^CHECK \(\(\S+ = ANY \(ARRAY\[''[^\]]*\]\)\)\)$'
    ) as v on true
    left join lateral (
        select zava._own_values(k.conrelid, a.attnum) as list
        from pg_catalog.pg_constraint as k
        where k.conrelid = a.attrelid
            and k.contype = 'u'
            and k.conkey = array[a.attnum]
            and a.atttypid = 'text'::regtype
            and has_column_privilege(a.attrelid, a.attnum, 'select')
        limit 1
    ) as o on true
    where a.attrelid = p_table
        and a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select');
end;

comment on function zava._describe_columns(oid) is
    'Columns of a table: name, type, null where they may be, values where they are few, comment.

p_table: the table';
revoke execute on function zava._describe_columns(oid) from public;
grant execute on function zava._describe_columns(oid)
    to store_manager, regional_manager, head_office;

-- api._list_names(): names of what the caller may use, for lists and completions of clients; no tool.
create or replace function api._list_names()
returns table (kind text, name text, title text)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'table',
        t.schema_name || '.' || t.table_name,
        coalesce(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), '')
    from zava._readable_tables() as t
    union all
    select distinct on (f.function_name)
        'function', 'api.' || f.function_name, split_part(f.description, e'\n', 1)
    from zava._callable_functions() as f
    order by 1 desc, 2;
end;

comment on function api._list_names() is
    'Tables and functions that the caller may use: kind (table or function), name with its schema, first line of the comment.';
revoke execute on function api._list_names() from public;
grant execute on function api._list_names() to store_manager, regional_manager, head_office;

-- zava._search_schema(): lines about tables, columns and functions in whose name, comment or listed
-- values every word occurs, at most 50.
create or replace function zava._search_schema(
    p_search text,
    p_name text
)
returns text
language sql
stable
parallel restricted
security invoker
begin atomic
    select string_agg(f.line, e'\n' order by f.place, f.line)
    from (
        select l.place, l.line
        from (
            select
                1 as place,
                t.schema_name || '.' || t.table_name as name,
                t.table_name as short_name,
                concat(
                    format('%I.%I', t.schema_name, t.table_name),
                    ': ' || split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1)
                ) as line,
                '' as more
            from zava._readable_tables() as t
            union all
            select
                2,
                t.schema_name || '.' || t.table_name,
                t.table_name,
                format('%I.%I.%s', t.schema_name, t.table_name, c.line),
                ''
            from zava._readable_tables() as t
            cross join lateral
                string_to_table(zava._describe_columns(t.table_id), e'\n') as c (line)
            union all
            select
                3,
                'api.' || f.function_name,
                f.function_name,
                f.line,
                f.signature || f.description
            from zava._callable_functions() as f
        ) as l
        where (
                coalesce(btrim(p_name), '') = ''
                or lower(btrim(p_name)) in (l.name, l.short_name)
            )
            and not exists (
                select
                from string_to_table(lower(btrim(p_search)), ' ') as w (word)
                where position(w.word in lower(l.line || l.more)) = 0
            )
        order by l.place, l.line
        limit 50
    ) as f;
end;

comment on function zava._search_schema(text, text) is
    'Tables, columns and functions that words are found in, a line each; null when there is none.

p_search: words, separated by spaces
p_name: table or function to look in, or null for all';
revoke execute on function zava._search_schema(text, text) from public;
grant execute on function zava._search_schema(text, text)
    to store_manager, regional_manager, head_office;

-- zava.api_fingerprint(): changes whenever something changes that tools are made of, or who may
-- call them: what zava.api_functions() says, privileges, memberships of roles. The service asks for
-- it every few seconds; "notify zava_catalogue" has it ask at once.
create or replace function zava.api_fingerprint()
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(
        sha256(convert_to(
            concat_ws(
                e'\n',
                (
                    select string_agg(
                        concat_ws(' ', f.*, p.proacl, p.proowner), e'\n' order by f.function_id
                    )
                    from zava.api_functions() as f
                    join pg_catalog.pg_proc as p on p.oid = f.function_id
                ),
                (
                    select concat_ws(' ', n.nspacl, n.nspowner)
                    from pg_catalog.pg_namespace as n
                    where n.nspname = 'api'
                ),
                (
                    select sum(hashtextextended(concat_ws(' ', m.roleid, m.member, m.inherit_option), 0))
                    from pg_catalog.pg_auth_members as m
                )
            ),
            'UTF8'
        )),
        'hex'
    );
end;

comment on function zava.api_fingerprint() is
    'A text that is another one as soon as the functions of the schema api, their comments, or who may call them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;

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

drop function zava._is_named(text, text, text);
drop function zava._type_values(oid);
drop function zava._listed_values(text, boolean);

-- sources end
reset role;
