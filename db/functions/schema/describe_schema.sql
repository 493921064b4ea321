-- api.describe_schema(): what the caller may ask about, in few words: an overview first, then one
-- table or function in full. Reads the system catalogue with the caller's own rights, so nothing is
-- shown that the caller could not read; an unknown name and a forbidden one look alike.
create or replace function api.describe_schema(
    p_name text default null
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select case
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
                    zava._describe_keys(t.table_id),
                    'Columns (not null unless marked):',
                    zava._describe_columns(t.table_id)
                )
                from zava._readable_tables() as t
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

comment on function api.describe_schema(text) is
    'What there is to ask about. Without a name: a line for each table and function. With one: columns, types, keys, allowed values and comments. Null when nothing of that name may be read.

p_name: table or function, with or without its schema, for example orders or api.whoami';
revoke execute on function api.describe_schema(text) from public;
grant execute on function api.describe_schema(text)
    to store_manager, regional_manager, head_office;
