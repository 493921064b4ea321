-- 0088 lists names of parts.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/schema/_list_parts.sql
-- api._list_parts(): what tables and functions are made of, for whoever had a name wrong; no tool.
create or replace function api._list_parts(
    p_names text[],
    p_column text
)
returns table (kind text, name text, parts text, has_column boolean)
language sql
stable
parallel safe
security invoker
begin atomic
    select
        'table',
        concat(nullif(quote_ident(t.schema_name), 'retail') || '.', quote_ident(t.table_name)),
        string_agg(quote_ident(a.attname), ', ' order by a.attnum),
        bool_or(a.attname = p_column) is true
    from zava._readable_tables() as t
    join pg_catalog.pg_attribute as a on a.attrelid = t.table_id
    where a.attnum > 0
        and not a.attisdropped
        and has_column_privilege(a.attrelid, a.attnum, 'select')
    group by t.schema_name, t.table_name
    having p_names is null or t.table_name = any (p_names) or bool_or(a.attname = p_column)
    union all
    -- The line is the call and, behind a colon, what it is for.
    select
        'function',
        'api.' || quote_ident(f.function_name),
        rtrim(split_part(f.line, '): ', 1), ')') || ')',
        false
    from zava._callable_functions() as f
    where f.function_name = any (p_names)
    order by 1 desc, 2;
end;

comment on function api._list_parts(text[], text) is
    'Tables and functions that the caller may use, of these names, and tables with that column: columns of a table, the call of a function with [] around what may be left out, and whether there is that column.

p_names: names of tables and functions, without a schema; null for all tables
p_column: name of a column; null for none';
revoke execute on function api._list_parts(text[], text) from public;
grant execute on function api._list_parts(text[], text) to store_manager, regional_manager, head_office;

-- sources end
reset role;
