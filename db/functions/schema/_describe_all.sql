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
