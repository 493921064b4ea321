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
