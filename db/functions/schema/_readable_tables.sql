-- zava._readable_tables(): tables and views that the caller may read at least one column of.
-- Partitions are left out: their parent stands for them. So is what its comment calls internal: what
-- functions keep for themselves is read with the caller's rights, and of no use to whoever asks.
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
        and not starts_with(coalesce(obj_description(c.oid, 'pg_class'), ''), 'Internal: ')
        and has_schema_privilege(n.oid, 'usage')
        and has_any_column_privilege(c.oid, 'select');
end;

comment on function zava._readable_tables() is
    'Tables and views of the schemas retail and api that the caller may read.';
revoke execute on function zava._readable_tables() from public;
grant execute on function zava._readable_tables()
    to store_manager, regional_manager, head_office;
