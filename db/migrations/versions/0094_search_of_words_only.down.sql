-- 0094 search of words only, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- zava._search_schema(): lines about tables, columns and functions in whose name, comment or listed
-- values every word occurs, at most 20 of each; or else most words, at most 8. A plural finds its singular.
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
    with words as (
        select case when length(w.word) > 3 then regexp_replace(w.word, 's$', '') else w.word end as word
        from regexp_split_to_table(lower(btrim(p_search)), '\s+') as w (word)
    ),
    lines as (
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
            replace(f.signature, ') returns ', ') ') || f.description
        from zava._callable_functions() as f
    ),
    found as (
        select l.place, l.line, h.hits, max(h.hits) over () as most,
            row_number() over (partition by h.hits, l.place order by h.hits_shown desc, l.line) as number
        from lines as l
        cross join lateral (
            select count(*) as hits,
                count(*) filter (where position(w.word in lower(l.line)) > 0) as hits_shown
            from words as w
            where position(w.word in lower(l.line || l.more)) > 0
        ) as h
        where coalesce(btrim(p_name), '') = '' or zava._is_named(p_name, l.schema_name, l.name)
    ),
    wanted as (
        select count(*) as words from words
    )
    select concat(
        case when max(f.most) < max(w.words)
            then e'Nothing has all of these words; these have most of them:\n' end,
        string_agg(f.line, e'\n' order by f.place, f.line)
    )
    from found as f
    cross join wanted as w
    where f.hits = f.most
        and f.most > 0
        and f.number <= case when f.most = w.words then 20 else 8 end
    having count(*) > 0;
end;

comment on function zava._search_schema(text, text) is
    'Tables, columns and functions that all words are found in, or else most, a line each; null when there is none.

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
