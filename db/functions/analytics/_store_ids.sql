-- api._store_ids(): the stores that a report covers, as ids. Not a tool; every report calls it.
-- A store that is not there and one that the caller may not see get the same answer; what it
-- suggests is taken from the stores that the caller sees. With one plan, like api._oldest_day().
create or replace function api._store_ids(
    p_store text
)
returns uuid[]
language plpgsql
stable
parallel restricted
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $function$
declare
    v_stores uuid[];
begin
    select coalesce(array_agg(s.store_id order by s.store_id), '{}')
    into v_stores
    from retail.stores as s
    where p_store is null or s.store_key = lower(btrim(p_store));

    if p_store is not null and v_stores = '{}' then
        raise exception 'store % is not visible to you', left(p_store, 60)
            using errcode = 'insufficient_privilege',
                  hint = concat(
                      'Did you mean ' || api._nearest(
                          p_store, array(select s.store_key from retail.stores as s)
                      ) || '? ',
                      'api.whoami() lists the keys of your stores.'
                  );
    end if;

    return v_stores;
end;
$function$;

comment on function api._store_ids(text) is
    'Ids of the stores of a report: the one named, or all that the caller sees.

p_store: key of a store, for example seattle; null for all';
revoke execute on function api._store_ids(text) from public;
grant execute on function api._store_ids(text)
    to store_manager, regional_manager, head_office;
