-- 0055 describe foreign.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

revoke execute on function zava._domain_values(oid) from zava_service;

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
            ': ' || left(
                coalesce(
                    substring(c.first_line, '^.*?(?<!e\.g)(?<!i\.e)[.?!](?= |$)'), c.first_line
                ),
                1000
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

-- source: db/functions/schema/_describe_all.sql
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
                    ': ' || left(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), 1000)
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

-- source: db/functions/schema/_listed_values.sql
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

-- source: db/functions/schema/_domain_values.sql
-- zava._domain_values(): the values that a check of a domain lists, texts or numbers, as JSON.
create or replace function zava._domain_values(
    p_domain oid
)
returns json
language sql
stable
parallel safe
security invoker
begin atomic
    select v.list
    from pg_catalog.pg_type as t
    join pg_catalog.pg_constraint as k on k.contypid = t.oid
    cross join lateral
        zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as v (list)
    where t.oid = p_domain
        and v.list is not null
    order by k.conname
    limit 1;
end;

comment on function zava._domain_values(oid) is
    'Values that a domain allows, where a check lists them; else null.

p_domain: the domain';
revoke execute on function zava._domain_values(oid) from public;
grant execute on function zava._domain_values(oid)
    to zava_service, store_manager, regional_manager, head_office;

-- source: db/functions/schema/_type_values.sql
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

-- source: db/functions/schema/_describe_columns.sql
-- zava._describe_columns(): one line a column that the caller may read. Where a check constraint or
-- the type lists the values of a column, so does its line; and where a text is the key of a small table.
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
            ' (' || coalesce(
                v.list,
                case when t.typtype in ('d', 'e') or t.typcategory = 'A'
                    then zava._type_values(t.oid) end,
                o.list
            ) || ')',
            ': ' || regexp_replace(col_description(a.attrelid, a.attnum), '\s*[\n\r]\s*', ' ', 'g')
        ),
        e'\n'
        order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join lateral (
        select string_agg(m.value, '|' order by m.position) as list
        from (
            select d.list
            from pg_catalog.pg_constraint as k
            cross join lateral
                zava._listed_values(pg_get_constraintdef(k.oid), t.typcategory = 'N') as d (list)
            where k.conrelid = a.attrelid
                and k.contype = 'c'
                and k.conkey = array[a.attnum]
                and d.list is not null
            order by k.conname
            limit 1
        ) as l
        cross join lateral json_array_elements_text(l.list)
            with ordinality as m (value, position)
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

-- source: db/functions/schema/_is_named.sql
-- zava._is_named(): whether a name is that of a table or function: with its schema or without, in any
-- case, with quotes or without. Lists write names as SQL does, so that is how they are asked for.
create or replace function zava._is_named(
    p_asked text,
    p_schema text,
    p_name text
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select replace(lower(btrim(p_asked)), '"', '') in (
        replace(lower(p_name), '"', ''), replace(lower(p_schema || '.' || p_name), '"', '')
    );
end;

comment on function zava._is_named(text, text, text) is
    'Whether somebody asks for this table or function.

p_asked: the name that was given
p_schema: schema of the table or function
p_name: its name there';
revoke execute on function zava._is_named(text, text, text) from public;
grant execute on function zava._is_named(text, text, text)
    to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_list_names.sql
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
        left(coalesce(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), ''), 1000)
    from zava._readable_tables() as t
    union all
    select distinct on (f.function_name)
        'function',
        'api.' || f.function_name,
        left(split_part(f.description, e'\n', 1), 1000)
    from zava._callable_functions() as f
    order by 1 desc, 2;
end;

comment on function api._list_names() is
    'Tables and functions that the caller may use: kind (table or function), name with its schema, first line of the comment.';
revoke execute on function api._list_names() from public;
grant execute on function api._list_names() to store_manager, regional_manager, head_office;

-- source: db/functions/schema/_search_schema.sql
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
                t.schema_name,
                t.table_name as name,
                concat(
                    format('%I.%I', t.schema_name, t.table_name),
                    ': ' || left(split_part(obj_description(t.table_id, 'pg_class'), e'\n', 1), 1000)
                ) as line,
                '' as more
            from zava._readable_tables() as t
            union all
            select
                2,
                t.schema_name,
                t.table_name,
                format('%I.%I.%s', t.schema_name, t.table_name, c.line),
                ''
            from zava._readable_tables() as t
            cross join lateral
                string_to_table(zava._describe_columns(t.table_id), e'\n') as c (line)
            union all
            select
                3,
                'api',
                f.function_name,
                f.line,
                f.signature || f.description
            from zava._callable_functions() as f
        ) as l
        where (
                coalesce(btrim(p_name), '') = ''
                or zava._is_named(p_name, l.schema_name, l.name)
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

-- source: db/functions/schema/api_fingerprint.sql
-- zava.api_fingerprint(): changes whenever something changes that tools and resources are made of, or
-- who may use them: what zava.api_functions() says, tables, privileges, memberships of roles. The
-- service asks for it every few seconds; "notify zava_catalogue" has it ask at once.
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
                    select string_agg(concat_ws(' ', n.nspacl, n.nspowner), e'\n' order by n.nspname)
                    from pg_catalog.pg_namespace as n
                    where n.nspname in ('api', 'retail')
                ),
                -- Tables are resources.
                (
                    select sum(
                        hashtextextended(
                            concat_ws(
                                ' ',
                                n.nspname,
                                c.relname,
                                c.relacl,
                                c.relowner,
                                obj_description(c.oid, 'pg_class'),
                                (
                                    select string_agg(a.attacl::text, ' ' order by a.attnum)
                                    from pg_catalog.pg_attribute as a
                                    where a.attrelid = c.oid and a.attacl is not null
                                )
                            ),
                            0
                        )
                    )
                    from pg_catalog.pg_class as c
                    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                    where n.nspname in ('api', 'retail')
                        and c.relkind in ('r', 'p', 'v', 'f')
                        and not c.relispartition
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
    'A text that is another one as soon as functions of the schema api, tables that agents may name, their comments, or who may use them have changed.';
revoke execute on function zava.api_fingerprint() from public;
grant execute on function zava.api_fingerprint() to zava_service;

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
                where zava._is_named(p_name, t.schema_name, t.table_name)
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where zava._is_named(p_name, 'api', f.function_name)
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
