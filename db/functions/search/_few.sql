-- api._few(): how many products a search compares one by one, rather than look them up by the index of
-- all, which finds too little of what is rare: one in 25 of the catalogue; and of how many of a store
-- copies are made, with an index of their own (zava.refresh_search_assortments()): half of it; and with what
-- effort the index of all is searched, if it was not measured that of 100. Not a tool.
-- A table, for that becomes a part of the statement that asks.
create or replace function api._few()
returns table (model_id smallint, products integer, copied integer, ef_search integer)
language sql
stable
parallel safe
security invoker
rows 1
begin atomic
    select
        max(m.model_id),
        coalesce(max(greatest(1500, coalesce(r.products, 100000) / 25)), 4000),
        coalesce(max(greatest(1500, coalesce(r.products, 8000) / 2)), 4000),
        coalesce(max(r.ef_search), 100)
    from retail.embedding_models as m
    left join retail.search_recall as r on r.model_id = m.model_id
    where m.state = 'live';
end;

comment on function api._few() is
    'The live model; up to how many products a search compares one by one; up to how many are copied; and the effort of the index of all.';
revoke execute on function api._few() from public;
grant execute on function api._few() to store_manager, regional_manager, head_office;
