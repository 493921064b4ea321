-- api._few(): how many products a search compares one by one, rather than look them up by an index,
-- which finds too little of what is rare: one in 25 of the catalogue; one in 16 if they were copied
-- side by side (zava.refresh_search_assortments()). Not a tool. A table, for that becomes a part of
-- the statement that asks.
create or replace function api._few()
returns table (products integer, copied integer)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    select
        coalesce(max(greatest(1500, r.products / 25)), 4000),
        coalesce(max(greatest(1500, r.products / 16)), 4000)
    from retail.search_recall as r
    join retail.embedding_models as m on m.model_id = r.model_id
    where m.state = 'live';
end;

comment on function api._few() is
    'Up to how many products a search compares one by one; and up to how many copied ones.';
revoke execute on function api._few() from public;
grant execute on function api._few() to store_manager, regional_manager, head_office;
