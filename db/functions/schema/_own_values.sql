-- zava._own_values(): the values of a column in a table of which the caller sees at most 50 rows:
-- names of categories, keys of stores. Null when there are more, or one that does not fit in a list.
create or replace function zava._own_values(
    p_table oid,
    p_column smallint
)
returns text
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_list text;
begin
    execute format(
        $query$
            select string_agg(t.v, '|' order by t.v)
            from (select %1$I as v from %2$s limit 51) as t
            having count(*) <= 50 and not bool_or(t.v ~ '[|[:cntrl:]]' or length(t.v) > 60)
        $query$,
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = p_table and a.attnum = p_column
        ),
        p_table::regclass
    ) into v_list;
    return v_list;
end;
$function$;

comment on function zava._own_values(oid, smallint) is
    'Values of a text column that the caller sees, separated by |, or null where there are many.

p_table: a table that the caller may read
p_column: number of a column of type text';
revoke execute on function zava._own_values(oid, smallint) from public;
grant execute on function zava._own_values(oid, smallint)
    to store_manager, regional_manager, head_office;
