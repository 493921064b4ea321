-- 0108 short names of types.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

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
            -- The short names, as answers have them; and no column of such a type is found by "time zone".
            replace(
                regexp_replace(
                    format_type(a.atttypid, a.atttypmod),
                    '^(timestamp|time)(\(\d\))? with time zone', '\1tz\2'
                ),
                ' without time zone', ''
            ),
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
        select zava._own_values(k.indrelid, a.attnum) as list
        from pg_catalog.pg_index as k
        where k.indrelid = a.attrelid
            and k.indisunique
            and not k.indisprimary
            and k.indnkeyatts = 1
            and k.indpred is null
            and pg_get_indexdef(k.indexrelid, 1, true) in (
                quote_ident(a.attname), format('lower(%I)', a.attname)
            )
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

-- sources end
reset role;
