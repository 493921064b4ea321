-- api._store_filter(): the stores that a report is narrowed to, or null if that is all the caller
-- sees. Not a tool. Null, and not the list, for row-level security filters by store already: the
-- planner takes a second filter for another reason to expect few rows, and plans for a handful.
-- Reports say "v_stores is null or store_id = any (v_stores)" and are planned for their values
-- (plan_cache_mode), so that of this only what is needed is left.
create or replace function api._store_filter(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_stores uuid[];
begin
    if p_store is null then
        return null;
    end if;

    v_stores := api._store_ids(p_store);

    return (
        select v_stores from retail.stores as s where s.store_id <> all (v_stores) limit 1
    );
end;
$function$;

comment on function api._store_filter(text) is
    'Ids of the stores that a report is narrowed to; null for no need to.

p_store: key of a store, for example seattle; null for all that the caller sees';
revoke execute on function api._store_filter(text) from public;
grant execute on function api._store_filter(text)
    to store_manager, regional_manager, head_office;
