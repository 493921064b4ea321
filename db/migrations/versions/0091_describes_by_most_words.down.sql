-- 0091 describes by most words, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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

-- sources end
reset role;
