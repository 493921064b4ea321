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
        select distinct
            case when length(w.word) > 3 then regexp_replace(w.word, 's$', '') else w.word end as word
        from regexp_split_to_table(lower(p_search), '\s+') as w (word)
        where w.word <> ''
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
