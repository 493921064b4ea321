-- zava._describe_keys(): primary, unique and foreign keys of a table, a line each.
create or replace function zava._describe_keys(
    p_table oid
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select string_agg(
        concat(
            case k.contype when 'p' then 'primary key' when 'u' then 'unique' else 'foreign key' end,
            ' (',
            zava._column_names(k.conrelid, k.conkey),
            ')',
            ' references ' || quote_ident(n.nspname) || '.' || quote_ident(f.relname)
                || ' (' || zava._column_names(k.confrelid, k.confkey) || ')'
        ),
        e'\n'
        order by array_position(array['p', 'u', 'f'], k.contype::text), k.conname
    )
    from pg_catalog.pg_constraint as k
    left join (
        pg_catalog.pg_class as f
        join pg_catalog.pg_namespace as n on n.oid = f.relnamespace
    ) on f.oid = k.confrelid
    where k.conrelid = p_table
        and k.contype in ('p', 'u', 'f')
        -- A key is shown to whoever may read all that it names.
        and not exists (
            select
            from (
                select k.conrelid, a.attnum
                from unnest(k.conkey) as a (attnum)
                union all
                select k.confrelid, a.attnum
                from unnest(k.confkey) as a (attnum)
            ) as u (table_id, attnum)
            where not has_column_privilege(u.table_id, u.attnum, 'select')
        );
end;

comment on function zava._describe_keys(oid) is
    'Keys of a table that the caller may read, and what they refer to.

p_table: the table';
revoke execute on function zava._describe_keys(oid) from public;
grant execute on function zava._describe_keys(oid)
    to store_manager, regional_manager, head_office;
