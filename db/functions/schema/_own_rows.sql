-- zava._own_rows(): how many rows of a table the caller sees, counted up to 10,001 and no further.
-- Counted, not estimated: the planner's statistics are about the rows of all stores.
create or replace function zava._own_rows(
    p_table oid
)
returns bigint
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_count bigint;
begin
    execute format('select count(*) from (select from %s limit 10001) as t', p_table::regclass)
        into v_count;
    return v_count;
end;
$function$;

comment on function zava._own_rows(oid) is
    'Number of rows that the caller sees; 10001 stands for more than 10000.

p_table: a table that the caller may read';
revoke execute on function zava._own_rows(oid) from public;
grant execute on function zava._own_rows(oid)
    to store_manager, regional_manager, head_office;
