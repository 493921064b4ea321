-- 0026 short overview, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

DROP FUNCTION api.describe_schema(text,text);
DROP FUNCTION zava._search_schema(text,text);
DROP FUNCTION api._list_names();
DROP FUNCTION zava._describe_all();
DROP FUNCTION zava._callable_functions();

-- zava._callable_functions(): functions that the caller may call, with what a caller must know.
-- A name with a leading underscore is internal.
create or replace function zava._callable_functions()
returns table (function_name text, signature text, description text)
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
        coalesce(obj_description(p.oid, 'pg_proc'), '')
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
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

-- zava._readable_tables(): tables and views that the caller may read at least one column of.
-- Partitions are left out: their parent stands for them.
create or replace function zava._readable_tables()
returns table (table_id oid, schema_name text, table_name text)
language sql
stable
parallel safe
security invoker
begin atomic
    select c.oid, n.nspname::text, c.relname::text
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('retail', 'api')
        and c.relkind in ('r', 'p', 'v', 'f')
        and not c.relispartition
        and has_schema_privilege(n.oid, 'usage')
        and has_any_column_privilege(c.oid, 'select');
end;

comment on function zava._readable_tables() is
    'Tables and views of the schemas retail and api that the caller may read.';
revoke execute on function zava._readable_tables() from public;
grant execute on function zava._readable_tables()
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
        'Functions:',
        (
            select string_agg(
                concat(f.signature, ': ', split_part(f.description, e'\n', 1)),
                e'\n'
                order by f.signature
            )
            from zava._callable_functions() as f
        ),
        'More about one of them: describe_schema with its name.'
    );
end;

comment on function zava._describe_all() is
    'All tables and functions that the caller may use, a line each.';
revoke execute on function zava._describe_all() from public;
grant execute on function zava._describe_all()
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
                ) as line
            from zava._readable_tables() as t
            union all
            select
                2,
                t.schema_name || '.' || t.table_name,
                t.table_name,
                format('%I.%I.%s', t.schema_name, t.table_name, c.line)
            from zava._readable_tables() as t
            cross join lateral
                string_to_table(zava._describe_columns(t.table_id), e'\n') as c (line)
            union all
            select
                3,
                'api.' || f.function_name,
                f.function_name,
                concat(f.signature, ': ', split_part(f.description, e'\n', 1))
            from zava._callable_functions() as f
        ) as l
        where (
                coalesce(btrim(p_name), '') = ''
                or lower(btrim(p_name)) in (l.name, l.short_name)
            )
            and not exists (
                select
                from string_to_table(lower(btrim(p_search)), ' ') as w (word)
                where position(w.word in lower(l.line)) = 0
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
                    (t.table_name, t.schema_name || '.' || t.table_name)
                union all
                select concat_ws(e'\n', f.signature, f.description)
                from zava._callable_functions() as f
                where lower(btrim(p_name)) in (f.function_name, 'api.' || f.function_name)
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

comment on table retail.search_assortments is
    'Copies of what search compares of the products of stores that sell few, kept side by side.';
comment on table retail.search_lexemes is 'In which products of the catalogue each word is.';
comment on table retail.search_numbers is
    'Products of the catalogue by a number, the short texts first; bits of search are by these numbers.';
comment on table retail.search_recall is
    'How much of what is nearest the index of a model finds, as measured.';
comment on table retail.search_stores is
    'How many products a store sold when search was refreshed, and which.';
comment on table retail.search_words is
    'Words of the catalogue, which search repairs spelling by.';
