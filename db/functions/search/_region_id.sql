-- api._region_id(): what several stores together are called in retail.search_regions. Not a tool. Made of
-- their ids, so that nobody has to be told which others there are.
create or replace function api._region_id(
    p_stores uuid[]
)
returns uuid
language sql
stable
parallel safe
security invoker
begin atomic
    select encode(substr(sha256(p_stores::text::bytea), 1, 16), 'hex')::uuid;
end;

comment on function api._region_id(uuid[]) is
    'Id of a region, which is nothing but its stores.

p_stores: ids of its stores, in their order';
revoke execute on function api._region_id(uuid[]) from public;
grant execute on function api._region_id(uuid[]) to store_manager, regional_manager, head_office;
