-- zava.live_embedding_model(): which model the server must embed a question with.
-- SECURITY DEFINER: the service login reads it through a function only.
create or replace function zava.live_embedding_model()
returns table (name text, dimensions integer)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select m.name, m.dimensions
    from retail.embedding_models as m
    where m.state = 'live';
end;

comment on function zava.live_embedding_model() is
    'The model that search uses, or no row while none is live.';
revoke execute on function zava.live_embedding_model() from public;
grant execute on function zava.live_embedding_model() to zava_service;
