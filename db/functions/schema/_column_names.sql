-- zava._column_names(): names of columns in the order of a key, as SQL would write them.
-- Bound at creation (begin atomic), like everything in this folder: the caller needs no USAGE on
-- the kernel's schema. SECURITY INVOKER over the system catalogue: it knows what the caller may know.
create or replace function zava._column_names(
    p_table oid,
    p_columns smallint[]
)
returns text
language sql
stable
parallel safe
security invoker
begin atomic
    select string_agg(quote_ident(a.attname), ', ' order by k.position)
    from unnest(p_columns) with ordinality as k (attnum, position)
    join pg_catalog.pg_attribute as a on a.attrelid = p_table and a.attnum = k.attnum;
end;

comment on function zava._column_names(oid, smallint[]) is
    'Names of columns, separated by commas.

p_table: the table
p_columns: numbers of the columns, in order';
revoke execute on function zava._column_names(oid, smallint[]) from public;
grant execute on function zava._column_names(oid, smallint[])
    to store_manager, regional_manager, head_office;
